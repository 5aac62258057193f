"""Lambda: exceptions by name, workers that survive them, no fixed wait for logs, a bounded pool, code unpacked once."""

import contextlib
import functools
import hashlib
import os
import queue
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from .patching import replace_once, rewrite_function

END_OF_LOG = "\x1e--end-of-invocation--"
LOG_WAIT_SECONDS_MAX = 0.25
LOG_STREAMS_MAX = 500  # Of one function; each invocation makes one, and all are kept in memory.
_API_ADDRESS = re.compile(r"^https://(?P<api>\w+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?=/|$)")

_WORKER_ANSWERS = """\
            result = handler_fn(event, context)
            _real_stdout.write(json.dumps({"status": "ok", "result": result}) + "\\n")
        except Exception as e:
            _real_stdout.write(json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()}) + "\\n")
"""  # noqa: E501 - ministack's own line
# The mark goes out before the answer, so whoever has the answer knows the log is complete when the mark has come.
_WORKER_ANSWERS_CORRECTED = f"""\
            result = handler_fn(event, context)
            answer = json.dumps({{"status": "ok", "result": result}})
        except Exception as e:
            answer = json.dumps({{"status": "error", "handled": True, "errorType": type(e).__name__, "error": str(e),
                                  "trace": traceback.format_exc()}})
        sys.stderr.write("\\n" + {END_OF_LOG!r} + "\\n")
        sys.stderr.flush()
        _real_stdout.write(answer + "\\n")
"""


def apply(unpack_dir: Path, workers_max: int) -> None:
    """Correct the Lambda executor.

    `unpack_dir` keeps unpacked code between runs, `workers_max` bounds the worker processes of each function. A caller
    who finds all of them busy waits up to the function's own time-out; AWS would start another environment.
    """
    _report_exceptions_by_name()
    _collect_logs_without_waiting()
    _forget_old_logs()
    _spawn_differently(unpack_dir)
    _bound_workers(workers_max)


def _report_exceptions_by_name() -> None:
    lambda_runtime._PYTHON_WORKER_SCRIPT = replace_once(
        lambda_runtime._PYTHON_WORKER_SCRIPT, _WORKER_ANSWERS, _WORKER_ANSWERS_CORRECTED, "the Python worker"
    )
    # AWS keeps an environment whose handler raised: only a dead or hanging one is replaced.
    rewrite_function(
        lambda_runtime.Worker,
        "invoke",
        (
            'if response.get("status") == "error":',
            'if response.get("status") == "error" and not response.get("handled"):',
        ),
    )
    rewrite_function(
        lambda_svc,
        "_execute_function_warm",
        ('error_type = "Runtime.HandlerError"', 'error_type = result.get("errorType", "Runtime.HandlerError")'),
    )


def _collect_logs_without_waiting() -> None:
    """Stop at the worker's mark; ministack waits 50 ms for a line that may never come."""
    wait_for_quiet = lambda_runtime.Worker._drain_stderr_bounded

    def collect(worker: Any, **waits: float) -> str:
        if not str(worker.config.get("Runtime", "")).startswith("python"):
            return str(wait_for_quiet(worker, **waits))
        return log_until_mark(worker._stderr_queue, LOG_WAIT_SECONDS_MAX)

    lambda_runtime.Worker._drain_stderr_bounded = collect


def log_until_mark(lines: queue.Queue[str], wait_seconds_max: float) -> str:
    """The lines before END_OF_LOG, or those that came in time."""
    collected: list[str] = []
    deadline = time.monotonic() + wait_seconds_max
    with contextlib.suppress(queue.Empty):
        while (line := lines.get(timeout=max(0.0, deadline - time.monotonic()))) != END_OF_LOG:
            collected.append(line)
    return "\n".join(line for line in collected if line)


def _forget_old_logs() -> None:
    rewrite_function(
        lambda_svc,
        "_emit_lambda_logs",
        (
            """\
        stream = group["streams"][stream_name]
""",
            """\
        stream = group["streams"][stream_name]
        while len(group["streams"]) > _BREAKWATER_LOG_STREAMS_MAX:
            group["streams"].pop(next(iter(group["streams"])), None)
""",
        ),
        _BREAKWATER_LOG_STREAMS_MAX=LOG_STREAMS_MAX,
    )


def _spawn_differently(unpack_dir: Path) -> None:
    """All workers of a package share one unpacked copy and its compiled modules; API URLs lead to this emulator."""
    unpack = functools.partial(unpacked, unpack_dir=unpack_dir)
    rewrite_function(
        lambda_runtime.Worker,
        "_spawn",
        (
            """\
    code_dir = os.path.join(self._tmpdir, "code")
    os.makedirs(code_dir)
    with open(os.path.join(self._tmpdir, "code.zip"), "wb") as f:
        f.write(self.code_zip)
    with zipfile.ZipFile(os.path.join(self._tmpdir, "code.zip")) as zf:
        zf.extractall(code_dir)
""",
            "    code_dir = _breakwater_unpacked(self.code_zip)\n",
        ),
        (
            """\
                layer_dir = os.path.join(self._tmpdir, f"layer_{len(layers_dirs)}")
                os.makedirs(layer_dir)
                lzip = os.path.join(self._tmpdir, f"layer_{len(layers_dirs)}.zip")
                try:
                    with open(lzip, "wb") as lf:
                        lf.write(layer_data)
                    with zipfile.ZipFile(lzip) as lzf:
                        # Validate paths to prevent zip-slip attacks
                        for member in lzf.namelist():
                            resolved = os.path.realpath(os.path.join(layer_dir, member))
                            if not resolved.startswith(os.path.realpath(layer_dir) + os.sep) and resolved != os.path.realpath(layer_dir):
                                raise RuntimeError(f"Zip entry escapes target dir: {member}")
                        lzf.extractall(layer_dir)
""",  # noqa: E501 - ministack's own line
            """\
                try:
                    layer_dir = _breakwater_unpacked(layer_data)
""",
        ),
        (
            """\
        key: value
        for key, value in self.config.get("Environment", {}).get("Variables", {}).items()
""",
            """\
        key: _breakwater_local_url(value)
        for key, value in self.config.get("Environment", {}).get("Variables", {}).items()
""",
        ),
        _breakwater_unpacked=unpack,
        _breakwater_local_url=local_url,
    )


def local_url(value: str) -> str:
    """`value` with an API's address in AWS, if it begins with one, replaced by its address here."""
    here = f"http://{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}/_aws/execute-api"
    return _API_ADDRESS.sub(rf"{here}/\g<api>", value)


_unpack_lock = threading.Lock()


def unpacked(package: bytes, unpack_dir: Path) -> str:
    """The folder that holds `package`'s files, unpacked the first time it is asked for."""
    target = unpack_dir / hashlib.sha256(package).hexdigest()[:32]
    with _unpack_lock:
        if not target.exists():
            # Under another name first: a folder of the right name is always whole, also after a crash.
            unfinished = unpack_dir / f"{target.name}.{os.getpid()}.{time.monotonic_ns()}"
            unfinished.mkdir(parents=True)
            with zipfile.ZipFile(BytesIO(package)) as archive:
                archive.extractall(unfinished)
            unfinished.rename(target)
    return str(target)


def _bound_workers(workers_max: int) -> None:
    free_slots: dict[str, threading.Semaphore] = {}
    slots_lock = threading.Lock()
    execute = lambda_svc._execute_function_warm

    @contextlib.contextmanager
    def slot(config: dict[str, Any]) -> Iterator[bool]:
        with slots_lock:
            free = free_slots.setdefault(str(config.get("FunctionArn")), threading.Semaphore(workers_max))
        acquired = free.acquire(timeout=float(config.get("Timeout", 30)))
        try:
            yield acquired
        finally:
            if acquired:
                free.release()

    def execute_when_free(func: dict[str, Any], event: Any, request_id: str) -> Any:
        config = func.get("config") or func
        with slot(config) as acquired:
            if acquired:
                return execute(func, event, request_id)
        return lambda_svc._throttle_response(
            reason_code="ReservedFunctionConcurrentInvocationLimitExceeded",
            msg=f"Rate Exceeded: all {workers_max} local workers of {config.get('FunctionName')} stayed busy",
        )

    lambda_svc._execute_function_warm = execute_when_free
