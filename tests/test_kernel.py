"""The kernelspec "emitnb (Python 3)": started for real, it has the router and the magics ready."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from tests.command import ROOT, new_user

Execute = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def execute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Execute]:
    """Start the kernel in ``kernels/``; yield a function that runs a cell there."""
    specs = KernelSpecManager(kernel_dirs=[str(ROOT / "kernels")], ensure_native_kernel=False)
    manager = KernelManager(kernel_name="emitnb", kernel_spec_manager=specs)
    manager.start_kernel(env=new_user(tmp_path_factory.mktemp("home")))
    client: BlockingKernelClient = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield lambda code: outputs(client, code)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def outputs(client: BlockingKernelClient, code: str) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []

    def keep(message: dict[str, Any]) -> None:
        if message["msg_type"] in ("stream", "display_data", "execute_result", "error"):
            shown.append(message["content"])

    client.execute_interactive(code, timeout=60, output_hook=keep)
    return shown


def test_a_router_is_ready(execute: Execute) -> None:
    (shown,) = execute("type(router).__module__, type(router).__name__")
    assert shown["data"]["text/plain"] == "('emitnb.router', 'Router')"


def test_a_node_declared_in_a_cell_emits_what_is_pushed(execute: Execute) -> None:
    declared = execute("%%emit_node word --entry\ndef words(msg):\n    return msg.document.upper()")
    assert not [shown for shown in declared if "traceback" in shown]
    (shown,) = execute("router.push(['rain', 'wind'])\nrouter.frame('words')['word'].tolist()")
    assert shown["data"]["text/plain"] == "['RAIN', 'WIND']"


def test_the_launcher_finds_a_name_and_logos() -> None:
    specs = KernelSpecManager(kernel_dirs=[str(ROOT / "kernels")], ensure_native_kernel=False)
    spec = specs.get_kernel_spec("emitnb")
    assert (spec.display_name, spec.language) == ("emitnb (Python 3)", "python")
    folder = Path(spec.resource_dir)
    for size in (32, 64):
        assert png_size(folder / f"logo-{size}x{size}.png") == (size, size)
    assert (folder / "logo-svg.svg").read_text().startswith("<svg")


def png_size(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
