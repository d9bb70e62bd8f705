r"""Ground states of long cluster-Ising chains as matrix product states: DMRG by ``physics-tenpy``.

The Hamiltonian is that of ``cluster_ising``, which is where short chains come from. Of degenerate ground
states (the spins at the ends of a topological chain, the two antiferromagnets) DMRG gives one, mostly the
least entangled.
"""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import qdl

SWEEPS = 4


def ground_state(n: int, h1: float, h2: float, bond: int) -> tuple[list[np.ndarray], float]:
    """The tensors ``(left, 2, right)`` of one ground state, real, and its energy in units of J.

    The bond is that of the state itself: DMRG never sees a wider one.
    """
    from tenpy.algorithms.dmrg import TwoSiteDMRGEngine
    from tenpy.models.lattice import Chain
    from tenpy.models.model import CouplingModel, MPOModel
    from tenpy.networks.mps import MPS
    from tenpy.networks.site import SpinHalfSite
    from tenpy.tools.optimization import temporary_level

    site: Any = SpinHalfSite(conserve=None)

    class ClusterIsing(CouplingModel, MPOModel):
        def __init__(self) -> None:
            lattice = Chain(n, site, bc="open", bc_MPS="finite")
            CouplingModel.__init__(self, lattice)
            for i in range(n):
                self.add_onsite_term(-h1, i, "Sigmax")
            for i in range(n - 1):
                self.add_coupling_term(-h2, i, i + 1, "Sigmax", "Sigmax")
            for i in range(n - 2):
                self.add_multi_coupling_term(
                    -1.0, [i, i + 1, i + 2], ["Sigmaz", "Sigmax", "Sigmaz"], ["Id", "Id"]
                )
            MPOModel.__init__(self, lattice, self.calc_H_MPO())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ClusterIsing()
        rng = np.random.default_rng(0)
        tilt = rng.uniform(0.2, 1.3, n)
        product = [np.array([np.cos(t), np.sin(t)]) for t in tilt]
        psi = MPS.from_product_state([site] * n, product, dtype=float)
        engine = TwoSiteDMRGEngine(
            psi,
            model,
            {
                "mixer": None,
                "trunc_params": {"chi_max": bond, "svd_min": 1e-8},
                "diag_method": "lanczos",
                "lanczos_params": {"N_max": 6, "N_min": 2},
                "max_sweeps": SWEEPS,
                "min_sweeps": 3,
                "N_sweeps_check": 1,
                "max_E_err": 1e-7,
                "max_trunc_err": None,
                "norm_tol": None,
                "combine": True,
            },
        )
        with temporary_level("skip_arg_checks"):  # half of the time
            energy, psi = engine.run()
    tensors = [psi.get_B(i, "B").itranspose(["vL", "p", "vR"]).to_ndarray() for i in range(n)]
    return tensors, float(energy)


def ground_states(n: int, points: np.ndarray, bond: int) -> np.ndarray:
    """Features of ``MPSEncoding(bond)``, ``(points, n * 2 * bond**2)``; kept on disk."""
    encoding = qdl.layers.MPSEncoding(bond)
    return np.stack([_kept(encoding, n, float(h1), float(h2), bond) for h1, h2 in points])


def _kept(encoding: Any, n: int, h1: float, h2: float, bond: int) -> np.ndarray:
    from platformdirs import user_cache_path

    key = hashlib.sha256(repr((n, h1, h2, bond, SWEEPS)).encode()).hexdigest()[:24]
    file: Path = user_cache_path("qdl", appauthor=False) / "chains" / f"{key}.npy"
    if file.exists():
        return np.load(file)
    found = encoding.features(ground_state(n, h1, h2, bond)[0])
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part.npy")
    np.save(part, found)
    part.replace(file)
    return found
