"""Start the emulator: ministack, after our corrections. emulator_process.py sets its environment.

SIGUSR1 writes its state to disk without stopping it, so that a crash later loses only what came after. SIGUSR2 has it
enforce IAM from then on.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from ministack import app
from ministack.core import persistence

from local_cloud.emulator import cloudformation, http_api, iam, kms, lambda_workers, notifications, sqs, step_functions
from local_cloud.emulator.patching import require_supported_version


def main() -> None:
    require_supported_version()
    lambda_workers.apply(Path(os.environ["LAMBDA_UNPACK_DIR"]), workers_max=int(os.environ["LAMBDA_WORKERS_MAX"]))
    http_api.apply()
    iam.apply(Path(os.environ["IAM_CALLS_FILE"]))
    kms.apply()
    sqs.apply()
    step_functions.apply()
    notifications.apply(os.environ["OUTBOX_URL"])
    cloudformation.apply()
    signal.signal(signal.SIGUSR1, _save_state)
    signal.signal(signal.SIGUSR2, _enforce_iam)
    sys.argv = ["ministack"]
    app.main()


def _save_state(_signal: int, _frame: FrameType | None) -> None:
    persistence.save_all(app._build_persistence_save_dict())


def _enforce_iam(_signal: int, _frame: FrameType | None) -> None:
    iam.begin_enforcing()


if __name__ == "__main__":
    main()
