"""Every change to Rasa's behaviour, with its reason. Rasa 3.6.21 is its last release.

A change replaces one function of Rasa, named in ``replaces``; ``sha256`` is the hash of that function's
source as we know it. Where the installed source is another, the change is left out and the log says so.
``HELPLINE_ENGINE_OFF`` names changes to leave out, with commas between; ``all`` leaves out all of them.

What was measured before: a turn with one action took 84 ms under the profiler, 44 ms of which checked the
action's reply against a JSON schema (37 ms of those checked that the schema is a schema).
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import inspect
import logging
import os
import socket
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Text, Tuple, Type

logger = logging.getLogger(__name__)

#: Shorter than the five seconds after which the action server closes an idle connection.
_KEEP_ALIVE_SECONDS = 4

#: Who takes no connection by then has vanished (seconds).
_CONNECT_SECONDS = 3

#: A connection whose other end vanished breaks within seconds, whether something was sent (TCP_USER_TIMEOUT,
#: in milliseconds) or is waited for. Rasa would wait for five minutes, and the chat would stay locked.
_BREAKS = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 2, "TCP_USER_TIMEOUT": 3000}

#: How the action server says that it does not have the domain (rasa-sdk: ActionMissingDomainException).
_DOMAIN_MISSING = 449


@dataclass(frozen=True)
class Change:
    """``replaces`` is ``module:Class.function``; ``make`` gets the original and gives the new one."""

    name: str
    why: str
    replaces: str
    sha256: str
    make: Callable[[Any], Any]

    def owner(self) -> Tuple[Any, str]:
        """The object that holds the function, and the function's name in it."""
        module, _, path = self.replaces.partition(":")
        *outer, name = path.split(".")
        found = importlib.import_module(module)
        for part in outer:
            found = getattr(found, part)
        return found, name

    def fits(self) -> bool:
        """Whether the installed Rasa has the source that this change was made for."""
        owner, name = self.owner()
        return source_hash(getattr(owner, name)) == self.sha256


def source_hash(function: Any) -> str:
    """The SHA-256 of a function's source."""
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()


def switched_off() -> frozenset[str]:
    """The names in HELPLINE_ENGINE_OFF."""
    return frozenset(
        name.strip() for name in os.environ.get("HELPLINE_ENGINE_OFF", "").split(",") if name.strip()
    )


def is_on(name: str) -> bool:
    """Whether a change is wanted."""
    return not {name, "all"} & switched_off()


def apply() -> List[str]:
    """Make all wanted changes that fit the installed Rasa. Returns the names of those that were made."""
    wanted = [change for change in CHANGES if is_on(change.name)]
    # The parts of a change count on each other: one that does not fit leaves out all of its name.
    unknown = {change.name: change.replaces for change in wanted if not change.fits()}
    for without, replaces in unknown.items():
        logger.warning(f"Rasa's {replaces} is not the one we know: {without} is left out.")
    made = []
    for change in wanted:
        if change.name in unknown:
            continue
        owner, name = change.owner()
        # As it lies in the class: a static method stays one.
        kept = inspect.getattr_static(owner, name)
        new = change.make(getattr(owner, name))
        setattr(owner, name, staticmethod(new) if isinstance(kept, staticmethod) else new)
        made.append(change.name)
    return made


# -- action_schema ----------------------------------------------------------------------------------


def _compiled_schema(original: Any) -> Any:
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for
    from rasa.core.actions.action import RemoteAction
    from rasa.shared.constants import DOCS_BASE_URL
    from rasa.shared.utils.schemas.events import EVENT_SCHEMA

    schema = RemoteAction.action_response_format_spec()
    kind = validator_for(schema)
    kind.check_schema(schema)
    whole = kind(schema)

    # An event's schema is "exactly one of these", and each of them asks for another value of `event`. So
    # the one that asks for the value at hand is the only one that can hold.
    alike = {key: value for key, value in EVENT_SCHEMA.items() if key != "oneOf"}
    by_event = {
        one["properties"]["event"]["const"]: kind({**alike, "allOf": [one]})
        for one in EVENT_SCHEMA["oneOf"]
        if "const" in one.get("properties", {}).get("event", {})
    }
    other_names = len(by_event) != len(EVENT_SCHEMA["oneOf"])

    def is_valid(result: Any) -> bool:
        if other_names or not isinstance(result, dict):
            return False
        responses, events = result.get("responses", []), result.get("events", [])
        if not isinstance(responses, list) or not isinstance(events, list):
            return False
        return all(isinstance(response, dict) for response in responses) and all(
            isinstance(event, dict)
            and isinstance(event.get("event"), str)
            and event["event"] in by_event
            and by_event[event["event"]].is_valid(event)
            for event in events
        )

    def _validate_action_result(self: Any, result: Dict[Text, Any]) -> bool:
        if is_valid(result):
            return True
        # Rasa's own check has the last word, and the words to say it in.
        error = best_match(whole.iter_errors(result))
        if error is None:
            return True
        error.message += (
            f". Failed to validate Action server response from API, "
            f"make sure your response from the Action endpoint is valid. "
            f"For more information about the format visit "
            f"{DOCS_BASE_URL}/custom-actions"
        )
        raise error

    return _validate_action_result


# -- action_call ------------------------------------------------------------------------------------


class ActionCall(Dict[str, Any]):
    """The body of a call to the action server. Its domain goes along only when it is asked for."""

    domain: Any = None


#: Domains that have a digest, by identity: hashing one would work its digest out anew.
_digests: Dict[int, Tuple[Any, str]] = {}


def _digest_of(domain: Any) -> str:
    """A short name for a domain. A model's domain is one object that is not changed."""
    known = _digests.get(id(domain))
    if known is None:
        _digests.clear()  # another model was loaded
        known = _digests[id(domain)] = (domain, str(domain.fingerprint()))
    return known[1]


def _slim_call(original: Any) -> Any:
    import rasa
    from rasa.shared.core.events import UserUttered
    from rasa.shared.core.trackers import EventVerbosity

    def _action_call_format(self: Any, tracker: Any, domain: Any) -> Dict[Text, Any]:
        if domain is None or not hasattr(domain, "fingerprint"):
            return original(self, tracker, domain)
        state = tracker.current_state(EventVerbosity.NONE)
        events = list(tracker.events)
        for index in range(len(events) - 1, -1, -1):
            if isinstance(events[index], UserUttered):
                events = events[index:]
                break
        # The SDK finds out from the last events which slots a form has to check. Nothing of ours reads more.
        state["events"] = [event.as_dict() for event in events]
        call = ActionCall(
            next_action=self._name,
            sender_id=tracker.sender_id,
            tracker=state,
            version=rasa.__version__,
        )
        if self._is_selective_domain_enabled():
            if domain.does_custom_action_explicitly_need_domain(self.name()):
                call["domain"] = domain.as_dict()
            return call
        call["domain_digest"] = _digest_of(domain)
        call.domain = domain
        return call

    return _action_call_format


#: By the identity of event loop and endpoint. Both are held beside the session: else a later one could get
#: the number of one that is gone, and its session with its password.
_sessions: Dict[Tuple[int, int], Tuple[Any, Any, Any]] = {}


def _kept_alive(original: Any) -> Any:
    import aiohttp
    from rasa.utils.endpoints import ClientResponseError

    def breaking(connect: Any) -> Any:
        async def connect_so_that_it_breaks(*args: Any, **kwargs: Any) -> Any:
            transport, protocol = await connect(*args, **kwargs)
            made = transport.get_extra_info("socket")
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in _BREAKS.items():
                if hasattr(socket, option):  # not every system has all of them
                    made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
            return transport, protocol

        return connect_so_that_it_breaks

    def session_for(endpoint: Any) -> Any:
        loop = asyncio.get_running_loop()
        key = (id(loop), id(endpoint))
        session = _sessions[key][-1] if key in _sessions else None
        if session is None or session.closed:
            session = endpoint.session()
            # The session's own connector is not opened yet; this one lets go of idle connections in time.
            session._connector._keepalive_timeout = _KEEP_ALIVE_SECONDS
            session._connector._wrap_create_connection = breaking(session._connector._wrap_create_connection)
            _sessions[key] = (loop, endpoint, session)
        return session

    async def send(endpoint: Any, call: "ActionCall", **kwargs: Any) -> Any:
        url = endpoint.url
        headers = {"Content-Type": "application/json", **endpoint.headers}
        async with session_for(endpoint).request(
            "post", url, json=call, headers=headers, params=endpoint.combine_parameters(), **kwargs
        ) as response:
            if response.status >= 400:
                raise ClientResponseError(response.status, response.reason, await response.content.read())
            try:
                return await response.json()
            except aiohttp.ContentTypeError:
                return None

    async def request(
        self: Any,
        method: Text = "post",
        subpath: Optional[Text] = None,
        content_type: Optional[Text] = "application/json",
        compress: bool = False,
        **kwargs: Any,
    ) -> Optional[Any]:
        call = kwargs.get("json")
        if not isinstance(call, ActionCall) or subpath or self.cafile or method != "post":
            return await original(self, method, subpath, content_type, compress, **kwargs)
        timeout = kwargs.get("timeout")
        options = {
            "compress": compress,
            "timeout": aiohttp.ClientTimeout(total=timeout, sock_connect=_CONNECT_SECONDS),
        }
        try:
            try:
                return await send(self, call, **options)
            except (aiohttp.ServerConnectionError, ConnectionResetError, aiohttp.ClientOSError) as error:
                if isinstance(error, aiohttp.ClientConnectorError):
                    raise
                # A kept connection that the other side had closed, an action server that was stopped or
                # whose machine has vanished.
                # The reply is all that an action does, so asking again does nothing twice.
                return await send(self, call, **options)
        except ClientResponseError as error:
            if error.status != _DOMAIN_MISSING:
                raise
            return await send(self, ActionCall(call, domain=call.domain.as_dict()), **options)

    return request


async def close_sessions(*_: Any) -> None:
    """Close the kept connections; a listener for Sanic's ``after_server_stop``."""
    for *_held, session in list(_sessions.values()):
        await session.close()
    _sessions.clear()


# -- event_classes ----------------------------------------------------------------------------------


def _remembered_classes(original: Any) -> Any:
    known: Dict[Text, Type[Any]] = {}

    def resolve_by_type(type_name: Text, default: Optional[Type[Any]] = None) -> Optional[Type[Any]]:
        if type_name not in known:
            found = original(type_name, default)
            if found is None or found is default:
                return found
            known[type_name] = found
        return known[type_name]

    return resolve_by_type


# -- quiet_logs -------------------------------------------------------------------------------------


def _no_format(original: Any) -> Any:
    policies = logging.getLogger("rasa.core.policies.rule_policy")

    def format_tracker_states(states: List[Dict[Text, Any]]) -> Text:
        return original(states) if policies.isEnabledFor(logging.DEBUG) else ""

    return format_tracker_states


def _no_slot_lines(original: Any) -> Any:
    processor = logging.getLogger("rasa.core.processor")

    def _log_slots(tracker: Any) -> None:
        if processor.isEnabledFor(logging.DEBUG):
            original(tracker)

    return _log_slots


def _dropped_early(original: Any) -> Any:
    def configure_structlog(log_level: Optional[int] = None) -> None:
        import structlog

        original(log_level)
        level = logging.getLogger().level if log_level is None else log_level
        if level > logging.DEBUG:
            # Rasa's processors look at the level late, after the plugins were asked about the values.
            structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))

    return configure_structlog


# -- entities_only ----------------------------------------------------------------------------------

#: What spaCy does beside finding names and days, and nothing of our pipeline reads.
_UNREAD_PIPES = ("tagger", "morphologizer", "attribute_ruler", "lemmatizer")


def _entities_only(original: Any) -> Any:
    def load_model(spacy_model_name: Text) -> Any:
        loaded = original(spacy_model_name)
        language = loaded.model
        unread = [name for name in _UNREAD_PIPES if name in language.pipe_names]
        if "tok2vec" in language.pipe_names:
            # In some models the entities stand on it, too.
            listening = set(language.get_pipe("tok2vec").listening_components)
            if listening <= {*unread, *language.disabled}:
                unread.append("tok2vec")
        language.disable_pipes(*unread)
        return loaded

    return load_model


CHANGES: Tuple[Change, ...] = (
    Change(
        "action_schema",
        "The schema of an action's reply is checked for being a schema, and every event is held against all "
        "kinds of event, at each action: half of a turn. Compiled once, each event against its own kind.",
        "rasa.core.actions.action:RemoteAction._validate_action_result",
        "f8cdb4be6812396167ced74161b2ccd65c5ea676ad86d7d359d8c322d9d8dc42",
        _compiled_schema,
    ),
    Change(
        "action_call",
        "The whole domain and every event of the chat go to the action server at each action. The SDK takes "
        "the domain's digest instead and asks for the domain once; of the events it reads the last turn's.",
        "rasa.core.actions.action:RemoteAction._action_call_format",
        "428795b944f22edba142d278ec47a30098975b01463ba337ec447dade52a0492",
        _slim_call,
    ),
    Change(
        "action_call",
        "Each action opened a session and a connection of its own. They are kept, and a connection that was "
        "closed meanwhile is opened again.",
        "rasa.utils.endpoints:EndpointConfig.request",
        "ccdb778aed8208e23cde3c3f47eac7fbbbb735dac8f7ef7254d54451c64ad608",
        _kept_alive,
    ),
    Change(
        "event_classes",
        "All subclasses of Event are walked for every event that is read. Each name is looked up once.",
        "rasa.shared.core.events:Event.resolve_by_type",
        "b5cf570fa7f286c7059ec73d8880528d03a78b28cf4e80285a46079c0fa65968",
        _remembered_classes,
    ),
    Change(
        "quiet_logs",
        "Policies write the whole history as text for a debug log, whether or not there is one.",
        "rasa.core.policies.policy:Policy.format_tracker_states",
        "32b101cb34fd1c32fd17557044632ecbe9cb5638e605ca81864ddcb6b469a22a",
        _no_format,
    ),
    Change(
        "quiet_logs",
        "All slots are written as text for a debug log, whether or not there is one.",
        "rasa.core.processor:MessageProcessor._log_slots",
        "cfc60d6857d3466daafdacdbb838cbaa702e7657af6e5843c4f5ff99d2344db1",
        _no_slot_lines,
    ),
    Change(
        "quiet_logs",
        "A debug line goes through Rasa's processors before its level is looked at.",
        "rasa.utils.log_utils:configure_structlog",
        "80c9dcfa47c776b56ce43da8d03bc56f6bf7b0116d0167617f33996f17e7b6cc",
        _dropped_early,
    ),
    Change(
        "entities_only",
        "spaCy tags each word and looks for its stem, which nothing of our pipeline reads: half of what it "
        "takes. Names and days are found as before.",
        "rasa.nlu.utils.spacy_utils:SpacyNLP.load_model",
        "2e68d488b5c7a4f00b35fbb91810c3aa04f12a30eca9ad88b5d1963a2d7ad525",
        _entities_only,
    ),
)
