"""How long packages take to install, of all the steps that a log tells of each."""

from emitnb import Router

router = Router()


@router.node({"package": str, "took": int}, entry_point=True, key="package", name="took")
def took(msg, state):
    if msg.status == "half-installed":
        state["since"] = msg.time
    elif msg.status == "installed" and "since" in state:
        yield msg.package, msg.time - state.pop("since")


@router.node({"slow": str, "longer": int}, "took", name="slow")
def slow(msg, state):
    state["sum"] = state.get("sum", 0) + msg.took
    state["n"] = state.get("n", 0) + 1
    if state["n"] > 3 and msg.took > state["sum"] / state["n"]:
        yield msg.package, msg.took - state["sum"] // state["n"]
