"""The one exception that says: not valid here, and why."""


class Refused(ValueError):
    """A way to compute something is not valid for what it was asked about; the text says why, and what is.

    Engines raise it, and whoever chooses among several goes on to the next. Any other error is a fault, and
    is never taken for a refusal.

    Example:
        >>> try:
        ...     raise Refused("the light cone has 40 wires. Use method='pauli_walk'.")
        ... except ValueError as error:
        ...     print(error)
        the light cone has 40 wires. Use method='pauli_walk'.
    """
