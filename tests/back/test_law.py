"""Export, import, export: the same module, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from back.examples import RICH, WORDCOUNT, written
from back.shells import exported

from emitnb.cli import main
from emitnb.importing import import_module_file
from emitnb.ipynb import CODE, notebook_with, write

LOAD = "%load_ext emitnb"
NOTEBOOKS = {
    "constants": [
        LOAD,
        "# c\na = 1\nb = 2\n# above d\nd = 3  # beside\n\ne = 4",
        '%emit_param rate: float = 0.5  # it\'s a "share"',
        '%%emit_node x --entry --when "msg.document != rate and msg.document not in '
        "('aaaaaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbb', 'cccccccccccccccc')\"\n"
        "def f(msg):\n    # inside\n    return a + b + d + e",
    ],
    "all": [
        "import json\nimport numpy as np\nfrom typing import Any\n",
        LOAD,
        "K = {}\nL = []",
        "def g(x=K):\n    return x",
        "def dec(f):\n    return f",
        "@dec\ndef h(): return g(), json, np",
        "C = h()",
        "%%emit_node word count:int --entry\n# comment\n@dec\ndef f(msg):\n    '''First.'''\n"
        "    return C, L, K",
        "%%emit_node y --on '/f|.*x/' f! --name other\ndef zz(msg): return '''\n%%bash\n!ls\n'''",
        "l = lambda x: x",
        "%%emit_node z --on other --resources GPU=1 --backoff .5 --retries 2 --priority -1\n"
        "class Foo:\n    def __call__(self, msg): return l(1)",
        "router.max_failures = 5\nrouter.hop_limit = 9",
        "from functools import partial\ndef times(n, msg): return n\n"
        "p = router.node('n', subscribe_to='other', name='pp')(partial(times, 2))",
        "try:\n    import nope\nexcept ImportError:\n    nope = None",
        "@router.node(['w'], 'pp')\ndef last(msg): return nope",
        "@router.node(\n    'w', subscribe_to='pp',\n)\ndef really_last(msg): return 1",
    ],
    "router": [
        "from emitnb import Router, Message\nclass Mine(Message):\n    pass",
        LOAD,
        "router = Router(Mine)",
        "n1 = router.node('x', entry_point=True, name='n1')(lambda msg: 1)",
    ],
    "lazy": [
        "from __future__ import annotations",
        LOAD,
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pathlib import Path",
        "main = 3",
        "%%emit_node y --entry\ndef f(msg: Path):\n    return main",
        "%%emit_node y --on f later\ndef earlier(msg): return main",
        "%%emit_node y --on earlier\nasync def later(msg): return main",
    ],
    "patched": [
        LOAD,
        "class Model:\n    scale = 2\ndef better(self):\n    return 3\n"
        "Model.predict = better\nbetter.note = 'hello'\nTABLE = {}\n"
        "def size(key):\n    return TABLE[key]\nTABLE['a'] = 1",
        "%%emit_node y --entry\ndef f(msg):\n    return Model().predict(), better.note, size('a')",
        "OTHER = 1\nrouter.hop_limit = 9",
        "%%emit_node z --on f\ndef last(msg):\n    return OTHER",
    ],
    "chosen": [
        LOAD,
        "import pandas as pd\nframe = pd.DataFrame({'a': [1]})\nfroze = globals().get('no', 3)",
        "%%emit_node y --entry\ndef f(msg): return len(frame), froze",
    ],
}
OPTIONS = {"chosen": ("--files", "frame", "--freeze", "froze")}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_was_exported_comes_back_and_is_exported_as_it_was(tmp_path, name, capsys):
    notebook, module = tmp_path / f"{name}.ipynb", tmp_path / f"{name}.py"
    write(notebook_with([(CODE, text) for text in NOTEBOOKS[name]]), notebook)
    first = exported(notebook, module, *OPTIONS.get(name, ()))
    assert main(["check", str(notebook), str(module)]) == 0
    import_module_file(module, force=True)
    module.unlink()
    assert exported(notebook, module, *OPTIONS.get(name, ())) == first
    assert main(["check", str(notebook), str(module)]) == 0
    assert "differs" not in capsys.readouterr().out


def test_a_parameter_that_an_export_chose_is_one_of_the_notebook_when_it_comes_back(tmp_path):
    notebook, module = tmp_path / "a.ipynb", tmp_path / "a.py"
    texts = [
        LOAD,
        "%emit_param since = 3  # days",
        "S = {'A': 2}\nS['B'] = 3",
        "%%emit_node y --entry\ndef f(msg):\n    return S, since",
    ]
    write(notebook_with([(CODE, text) for text in texts]), notebook)
    first = exported(notebook, module, "--params", "S")
    import_module_file(module, force=True)
    module.unlink()
    assert exported(notebook, module) == first


@pytest.mark.parametrize(("name", "text"), [("wordcount", WORDCOUNT), ("rich", RICH)])
def test_a_module_that_somebody_wrote_has_its_form_after_one_export(tmp_path: Path, name, text):
    module = written(tmp_path, name, text)
    notebook = import_module_file(module)
    first = exported(notebook, module, "--force")
    cells = import_module_file(module, force=True).read_text()
    assert exported(notebook, module) == first
    assert import_module_file(module, force=True).read_text() == cells
