"""A node: a named function with its fields, subscriptions and options, checked when declared."""

from __future__ import annotations

import functools
import hashlib
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast

from emitnb import fields as field_specs
from emitnb import subscription
from emitnb.errors import DeclarationError
from emitnb.message import ENTRY_POINT, Message
from emitnb.patience import check_stoppable, parse_patience
from emitnb.placement import ANYWHERE, Placement, parse_placement
from emitnb.subscription import Subscription

Function = Callable[..., Any]
Place = tuple[str, int]

FORM = "def name(msg): ...   or with state   def name(msg, state): ..."


class Form(Enum):
    """How a node's function gives its results."""

    PLAIN = "plain"
    GENERATOR = "generator"
    ASYNC = "async"
    ASYNC_GENERATOR = "async generator"


@dataclass(frozen=True)
class Node:
    """One declared node; a value that never changes. :func:`declare` makes and checks it.

    ``function`` takes a message (and a state, if ``new_state`` makes one). ``types`` holds the
    declared types by field. ``fingerprint`` changes when what the node computes changes;
    ``revision`` counts those changes from 1. A message that fails is tried ``retries`` more times,
    ``backoff`` seconds later and then twice as long each; a try may take ``timeout`` seconds.
    ``allow_shared`` lets it change what it captured on a cluster too, where each worker has a copy.
    ``declared_at`` is the file, or the name of the cell, and the line of the statement that
    declared it.
    """

    name: str
    function: Function
    fields: tuple[str, ...]
    types: Mapping[str, Any]
    record: type | None
    subscriptions: tuple[Subscription, ...]
    ignores: tuple[Subscription, ...]
    entry_point: bool
    key: tuple[str, ...]
    when: Callable[[Message], Any] | None
    batch: bool
    form: Form
    new_state: Callable[[], Any] | None
    fingerprint: str
    revision: int = 1
    retries: int = 0
    placement: Placement = ANYWHERE
    allow_shared: bool = False
    backoff: float = 0.0
    timeout: float | None = None
    declared_at: Place | None = field(default=None, compare=False)

    @property
    def short_name(self) -> str:
        """The name without its module."""
        return self.name.rpartition(".")[2]

    def keeps_state_of(self, other: Node) -> bool:
        """Whether what ``other`` remembered means the same to this node."""
        return (self.key, self.new_state) == (other.key, other.new_state)


@dataclass(frozen=True)
class Options:
    """What a declaration says besides the function; see :meth:`emitnb.Router.node`."""

    fields: field_specs.Spec = ()
    subscribe_to: subscription.Spec = None
    entry_point: bool = False
    ignore: subscription.Spec = None
    name: str | None = None
    key: str | Iterable[str] | None = None
    when: Callable[[Message], Any] | None = None
    batch: bool = False
    fingerprint: str | None = None
    retries: int = 0
    resources: Mapping[str, float] | None = None
    workers: str | Iterable[str] | None = None
    priority: int = 0
    allow_shared: bool = False
    backoff: float = 0.0
    timeout: float | None = None


def declare(
    function: Function, options: Options, base: type[Message] = Message, home: str | None = None
) -> Node:
    """Return the node that ``function`` and ``options`` declare; ``home`` as in `node_name`.

    Raises DeclarationError, naming the node, for whatever cannot work.

    >>> def words(msg): yield from msg.document.split()
    >>> declare(words, Options(fields="word", entry_point=True, name="words")).form
    <Form.GENERATOR: 'generator'>
    """
    name = node_name(function, home) if options.name is None else options.name
    _check_name(name)
    if inspect.isclass(function):
        function = _instance(name, function)
    if not callable(function):
        raise DeclarationError(f"{name}: {function!r} cannot be called; declare {FORM}")
    declared = field_specs.parse_fields(name, options.fields, base)
    new_state = _state_factory(name, function)
    key = _key(name, options.key, new_state)
    _check_options(name, options, new_state)
    form = _form(function)
    patience = parse_patience(name, options.retries, options.backoff, options.timeout)
    if patience.timeout is not None:
        check_stoppable(name, options.batch, form in (Form.ASYNC, Form.ASYNC_GENERATOR))
    return Node(
        name=name,
        function=function,
        fields=declared.names,
        types=declared.types,
        record=declared.record,
        subscriptions=subscription.subscriptions(options.subscribe_to, name),
        ignores=subscription.subscriptions(options.ignore, name),
        entry_point=options.entry_point,
        key=key,
        when=options.when,
        batch=options.batch,
        form=form,
        new_state=new_state,
        fingerprint=_fingerprint(function, options, declared, key),
        retries=patience.retries,
        placement=parse_placement(name, options.resources, options.workers, options.priority),
        allow_shared=options.allow_shared,
        backoff=patience.backoff,
        timeout=patience.timeout,
    )


def node_name(function: Function, home: str | None = None) -> str:
    """Return the name a function gets as a node: ``module.function``.

    A function of ``__main__``, or of the module ``home``, is named without it.

    >>> node_name(len), node_name(len, home="builtins")
    ('builtins.len', 'len')
    """
    target = function
    while isinstance(target, functools.partial):
        target = target.func
    name = getattr(target, "__name__", type(target).__name__)
    module = getattr(target, "__module__", None)
    return name if module in (None, "__main__", home) else f"{module}.{name}"


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not name.strip():
        raise DeclarationError("a node needs a name; give name=… or a function with a name")
    if name == "<lambda>" or not subscription.is_name(name):
        raise DeclarationError(
            f"{name!r} cannot name a node; use letters, digits and _ (and dots after a module), "
            "for instance name='clean_words'"
        )
    if name == ENTRY_POINT:
        raise DeclarationError(f"{name} is the origin of pushed data; choose another name")


def _instance(name: str, kind: type) -> Function:
    if not any("__call__" in vars(base) for base in kind.__mro__):
        raise DeclarationError(f"{name}: the class has no __call__(self, msg); add one")
    try:
        return cast(Function, kind())
    except TypeError as error:
        raise DeclarationError(
            f"{name}: the class cannot be made without arguments ({error}); "
            f"declare an instance instead: router.node(...)({kind.__name__}(...))"
        ) from error


def _call_target(function: Function) -> Any:
    """What to ask for generator and async flags: ``__call__`` of an object that is no function."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function):
        return function
    return type(function).__call__


def _form(function: Function) -> Form:
    target = inspect.unwrap(_call_target(function))
    if inspect.isasyncgenfunction(target):
        return Form.ASYNC_GENERATOR
    if inspect.iscoroutinefunction(target):
        return Form.ASYNC
    if inspect.isgeneratorfunction(target):
        return Form.GENERATOR
    return Form.PLAIN


def _parameters(name: str, function: Function) -> list[inspect.Parameter]:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return [inspect.Parameter("msg", inspect.Parameter.POSITIONAL_ONLY)]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = list(signature.parameters.values())
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return [inspect.Parameter("msg", inspect.Parameter.POSITIONAL_ONLY)]
    keyword_only = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if keyword_only:
        raise DeclarationError(f"{name}: nothing would fill {', '.join(keyword_only)}; use {FORM}")
    # A parameter with a default is the user's own (a bound constant), never a state.
    taken = [p for p in parameters if p.kind in positional]
    return [p for position, p in enumerate(taken) if position == 0 or p.default is p.empty]


def _state_factory(name: str, function: Function) -> Callable[[], Any] | None:
    parameters = _parameters(name, function)
    if not 1 <= len(parameters) <= 2:
        count = len(parameters)
        raise DeclarationError(f"{name} takes {count} parameters, a node takes one or two: {FORM}")
    if len(parameters) == 1:
        return None
    factory = _annotated_class(name, function, parameters[1])
    try:
        factory()
    except Exception as error:
        raise DeclarationError(
            f"{name}: {parameters[1]} cannot make a fresh state ({error}); "
            "annotate it with a class that is made without arguments"
        ) from error
    return factory


def _annotated_class(name: str, function: Function, state: inspect.Parameter) -> Callable[[], Any]:
    annotation = state.annotation
    if isinstance(annotation, str):
        scope = getattr(_call_target(function), "__globals__", {})
        try:
            annotation = eval(annotation, scope)
        except Exception as error:
            raise DeclarationError(
                f"{name}: the annotation of {state.name}, {annotation!r}, cannot be read: {error}"
            ) from error
    kind = typing.get_origin(annotation) or annotation
    if kind in (inspect.Parameter.empty, Any) or inspect.isabstract(kind):
        return dict
    if not isinstance(kind, type):
        raise DeclarationError(
            f"{name}: the annotation of {state.name} is {annotation!r}; "
            "annotate it with a class, or leave it away to get a dict"
        )
    return kind


def _key(
    name: str, key: str | Iterable[str] | None, new_state: Callable[[], Any] | None
) -> tuple[str, ...]:
    if key is None:
        return ()
    names = tuple(key) if isinstance(key, Iterable) and not isinstance(key, str) else (key,)
    if not names or not all(isinstance(part, str) and part for part in names):
        raise DeclarationError(f"{name}: key {key!r} is not a field name; for example key='word'")
    if new_state is None:
        raise DeclarationError(
            f"{name}: key={key!r} needs a state to keep for each key; "
            f"add a parameter: def {name.rpartition('.')[2]}(msg, state): ..."
        )
    return names


def _check_options(name: str, options: Options, new_state: Callable[[], Any] | None) -> None:
    if options.batch and new_state is not None:
        raise DeclarationError(
            f"{name}: a batch node treats rows independently and has no state; "
            "drop batch or the state parameter"
        )
    if not (options.when is None or callable(options.when)):
        raise DeclarationError(
            f"{name}: when={options.when!r} cannot be called; "
            "give a function of the message, for example when=lambda msg: msg.count > 3"
        )


def _fingerprint(
    function: Function, options: Options, declared: field_specs.Fields, key: tuple[str, ...]
) -> str:
    code = options.fingerprint or _code_of(function)
    when = "" if options.when is None else _code_of(options.when)
    types_text = {name: field_specs.type_name(kind) for name, kind in declared.types.items()}
    text = repr((code, declared.names, types_text, key, when, options.batch))
    return hashlib.sha256(text.encode()).hexdigest()


def _code_of(function: Function) -> str:
    """What a function computes, as text: bytecode and constants, without line numbers."""
    target = _call_target(function)
    code = getattr(inspect.unwrap(target), "__code__", None)
    if code is None:
        return repr(target)
    defaults = [getattr(target, name, None) for name in ("__defaults__", "__kwdefaults__")]
    # Where an object lies in memory is another place each time the same code runs.
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr((list(_code_parts(code)), defaults)))


def _code_parts(code: types.CodeType) -> Iterator[object]:
    yield code.co_code
    yield code.co_names
    yield code.co_varnames
    yield code.co_freevars
    yield code.co_exceptiontable
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code_parts(constant)
        else:
            yield repr(constant)
