"""Trained autoencoders and what they are held against, and simulations of two neighbours."""

from .codes import packed_code, random_code, spread_code
from .data import sample_sparse_features
from .embedding import language_model_embedding
from .grid import EVENED, WIDE, Grid, Table, stored_grid
from .model import Settings, Superposition, autoencode, decoupled_pull, train_superposition
from .plateaus import Plateaus, stored_plateaus, train_plateaus
from .pruning import simulate_pruned_perceptron
from .published import figure_1_settings, run_paper_figure_1, run_paper_sweep
from .random_features import RidgeTrials, simulate_random_feature_ridge
from .small_model import SmallModels, train_small_model
from .sweeps import Held, Measured, hold_count, measure, run_widths

__all__ = [
    "EVENED",
    "WIDE",
    "Grid",
    "Held",
    "Measured",
    "Plateaus",
    "RidgeTrials",
    "Settings",
    "SmallModels",
    "Superposition",
    "Table",
    "autoencode",
    "decoupled_pull",
    "figure_1_settings",
    "hold_count",
    "language_model_embedding",
    "measure",
    "packed_code",
    "random_code",
    "run_paper_figure_1",
    "run_paper_sweep",
    "run_widths",
    "sample_sparse_features",
    "simulate_pruned_perceptron",
    "simulate_random_feature_ridge",
    "spread_code",
    "stored_grid",
    "stored_plateaus",
    "train_plateaus",
    "train_small_model",
    "train_superposition",
]
