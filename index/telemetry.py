"""What libraries would tell their makers of us is switched off."""

import os


def no_telemetry() -> None:
    """Call this before any of them is imported: they look once."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
