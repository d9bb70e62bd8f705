"""What the structure of a family of circuits proves about its gradient, without running one.

``paths``, ``cones`` and ``shared`` bound it from below, ``above`` from above, ``orbits`` and ``symmetry``
find small invariant spaces; ``family`` asks them at growing widths, and ``growth`` says how their answers go.
"""
