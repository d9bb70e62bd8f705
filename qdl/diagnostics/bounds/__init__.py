"""What the structure of a family of circuits proves about its gradient, without running one.

``paths`` and ``cones`` bound it from below, ``above`` from above, ``symmetry`` finds small invariant spaces;
``family`` asks them at growing widths, and ``growth`` says how their answers go.
"""
