"""Places that run Qiskit: Aer, copies of IBM machines, and IBM machines; nothing else imports it.

To follow a batch, read in this order: ``lower`` turns a program, whose angles are open, into one
parametrised circuit (``feed_forward`` measures wires in between), ``request`` is what is sent,
``qiskit_place`` transpiles and sends it. ``aer``, ``fake`` and ``ibm`` are the places, by ``primitives``,
``names`` and ``jobs``. Beside it: ``chip`` and ``transpiled`` look at a machine, ``price`` estimates what a
run costs, ``export`` writes a circuit.
"""
