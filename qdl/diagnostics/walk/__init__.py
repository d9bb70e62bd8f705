"""Second moments by random walks of Pauli words.

``engine`` measures. ``certify`` proves when single words are enough; ``plan`` is what a walk needs, ``gates``
take the words of all samples, kept as ``bits``, one step back; ``score`` counts what arrives. ``means`` has
first moments, ``paths`` what each walk counts and how heavy its words became.
"""
