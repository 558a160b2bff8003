"""What every library must keep, wherever it lies, as checks that can be run: the front door."""

from index.contract.bench import Bench, Check
from index.contract.run import CHECKS, Outcome, contract_of
from index.contract.server import ON_A_SERVER

__all__ = ["CHECKS", "ON_A_SERVER", "Bench", "Check", "Outcome", "contract_of"]
