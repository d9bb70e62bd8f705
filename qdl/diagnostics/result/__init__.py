"""What comes back: ``variance`` of one width or of a sweep, which ``verdict`` judges and ``picture`` draws.

``intervals`` are the statistics.
"""
