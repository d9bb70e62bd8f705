"""What comes back: ``variance`` of one width, ``sweep`` of several, ``sampling`` of a place's own noise.

A sweep is a list of ``point``, which ``verdict`` judges and ``picture`` draws; ``intervals`` are the
statistics.
"""
