"""Classical models to stand beside a quantum one, on the same split and with equal tuning."""

from .classical import Contender, classical, n_params
from .entanglers import without_entanglers
from .quantum import quantum
from .result import Comparison, Row
from .single import Baseline, logistic_regression, mlp
from .surrogate import encoding_gates, fourier_features, frequencies, surrogate
from .tuning import compare

__all__ = [
    "Baseline", "Comparison", "Contender", "Row", "classical", "compare", "encoding_gates",
    "fourier_features", "frequencies", "logistic_regression", "mlp", "n_params", "quantum",
    "surrogate", "without_entanglers",
]  # fmt: skip
