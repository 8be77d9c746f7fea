"""What somebody does with pexd who has its proto files and nothing else: check.py PROGRAM."""

import random
import signal
import sys
import time

import grpc
from pexd.v1 import address_book_service_pb2 as book
from pexd.v1 import ban_service_pb2 as bans
from pexd.v1 import event_pb2 as event
from pexd.v1 import reactor_service_pb2 as reactor

from client import Client, Reader
from daemon import NETWORK, Daemon

RANGE = "203.0.113.0/24"
ADDRESSES = 250
# Bans while nobody reads, before each end of the process.
UNREAD = 20


def refused(work, code):
    try:
        work()
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()} is not {code}: {error.details()}"
        return error.details()
    raise AssertionError(f"not refused with {code}")


def only_with_a_token(address, read):
    for stranger in [Client(address), Client(address, "pexd_wrong")]:
        for method, request in [
            (stranger.reactor.GetStatus, reactor.GetStatusRequest()),
            (stranger.bans.Ban, bans.BanRequest(target=RANGE)),
        ]:
            refused(lambda: stranger.call(method, request), grpc.StatusCode.UNAUTHENTICATED)
    reader = Client(address, read)
    status = reader.call(reader.reactor.GetStatus, reactor.GetStatusRequest()).statuses[0]
    assert status.network == NETWORK and status.state == reactor.REACTOR_STATE_RUNNING, status
    refused(lambda: reader.ban(RANGE), grpc.StatusCode.PERMISSION_DENIED)


def compressed(address, token):
    """With gzip, as `compression=` asks for. Its bound holds for what is decompressed; what is no gzip is named."""
    client = Client(address, token, grpc.Compression.Gzip)
    status = client.call(client.reactor.GetStatus, reactor.GetStatusRequest()).statuses[0]
    assert status.network == NETWORK, status
    long = lambda length: client.call(client.reactor.GetStatus, reactor.GetStatusRequest(network="x" * length))
    refused(lambda: long(10_000), grpc.StatusCode.NOT_FOUND)
    refused(lambda: long(16 << 20), grpc.StatusCode.OUT_OF_RANGE)
    other = Client(address, token, grpc.Compression.Deflate)
    by_deflate = lambda: other.call(other.reactor.GetStatus, reactor.GetStatusRequest(network="x" * 10_000))
    text = refused(by_deflate, grpc.StatusCode.UNIMPLEMENTED)
    assert "deflate" in text and "gzip" in text, text


def on_this_host_without_a_token(program):
    """Over TCP a dashboard reads, and changes nothing; over the socket its owner does everything. The first token ends the former."""
    daemon = Daemon(program, require_auth=False)
    try:
        anybody = Client(daemon.start())
        status = lambda: anybody.call(anybody.reactor.GetStatus, reactor.GetStatusRequest())
        assert status().statuses[0].network == NETWORK
        refused(lambda: anybody.ban(RANGE), grpc.StatusCode.PERMISSION_DENIED)
        assert Client(daemon.socket()).ban(RANGE).results[0].changed
        daemon.run("token", "add", "grafana")
        for _ in range(300):
            try:
                status()
            except grpc.RpcError as error:
                assert error.code() == grpc.StatusCode.UNAUTHENTICATED, error
                break
            time.sleep(0.1)
        else:
            raise AssertionError("it is still read without a token")
    finally:
        daemon.close()


def the_book_in_pages(client):
    # Stopped, or it would dial them, and find nobody.
    client.call(client.reactor.Stop, reactor.StopRequest())
    chance = random.Random(1)
    octets = lambda: ".".join(str(chance.randrange(1, 255)) for _ in range(3))
    given = [f"{chance.randbytes(20).hex()}@127.{octets()}:26656" for _ in range(ADDRESSES)]
    added = client.call(client.book.AddAddresses, book.AddAddressesRequest(addresses=given))
    assert added.added_count > ADDRESSES / 2, added
    found, total = client.addresses(page_size=37)
    assert len(found) == len(set(found)) == total, (len(found), len(set(found)), total)
    assert set(found) <= set(given)
    client.call(client.reactor.Start, reactor.StartRequest())


def a_banned_range(client):
    result = client.ban(RANGE, network="-").results[0]
    assert result.network == NETWORK and result.changed and result.saved, result
    ban = client.call(client.bans.ListBans, bans.ListBansRequest(filter={"applies_to": "203.0.113.7"})).bans[0]
    assert ban.target == RANGE and ban.origin == bans.BAN_ORIGIN_OPERATOR, ban
    assert "ops" in ban.author and ban.expire_time.seconds - ban.ban_time.seconds == 86_400, ban
    audit = client.call(client.reactor.ListAuditEntries, reactor.ListAuditEntriesRequest())
    assert any(entry.method == "BanService.Ban" and "ops" in entry.author for entry in audit.entries), audit


def banned(events):
    return [happened.banned.target for happened in events if happened.kind == event.EVENT_KIND_BANNED]


def events_over_restarts(daemon, client, token):
    """Every event is seen, or told as missed: exactly after a clean stop, at most so many after a crash."""
    reader = Reader()
    assert RANGE in banned(reader.catch_up(client)), "the oldest events are kept"
    for turn, how in enumerate([signal.SIGTERM, signal.SIGKILL, signal.SIGTERM]):
        unread = [f"198.51.{turn}.{n}" for n in range(UNREAD)]
        for target in unread:
            assert client.ban(target).results[0].saved
        daemon.end(how)
        client = Client(daemon.start(), token)
        fresh = f"198.51.{turn}.255"
        client.ban(fresh)
        missed, bound = reader.missed, reader.bound
        seen = banned(reader.catch_up(client))
        missed, bound = reader.missed - missed, reader.bound - bound
        assert fresh in seen, seen
        lost = [target for target in unread if target not in seen]
        assert len(lost) <= missed + bound, f"{how}: {lost} were lost, and only {missed} + {bound} told as missed"
        assert how != signal.SIGTERM or bound == 0, f"a clean stop is exact, not at most {bound}"
        print(f"{how.name}: {UNREAD - len(lost)} of {UNREAD} seen, {missed} missed, at most {bound} more")


def main(program):
    on_this_host_without_a_token(program)
    daemon = Daemon(program)
    try:
        control = daemon.run("token", "add", "ops", "--role", "control")
        read = daemon.run("token", "add", "grafana", "--role", "read")
        address = daemon.start()
        client = Client(address, control)
        only_with_a_token(address, read)
        compressed(address, control)
        the_book_in_pages(client)
        a_banned_range(client)
        events_over_restarts(daemon, client, control)
    finally:
        daemon.close()
    print("a Python client lists, follows, bans, compresses, and is refused without a token")


main(sys.argv[1])
