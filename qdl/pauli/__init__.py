"""Circuits as gates on Pauli words, and averages over their angles.

``words`` are the words. ``parameters`` tells how each angle starts, ``operators`` and ``circuit`` turn layers
into gates on words, ``observables`` the cost into words. ``laws``, ``transfer`` and ``moments`` average a
gate; ``prefix`` averages the gates that open a circuit. ``cones`` are the gates that an observable can see,
``reach`` tells which derivatives vanish, ``generators`` are those of a circuit's gates.
"""
