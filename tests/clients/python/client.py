"""A client of pexd as a dashboard or a controller would have it, over nothing but what protoc generated."""

import grpc
from pexd.v1 import address_book_service_pb2 as book
from pexd.v1 import address_book_service_pb2_grpc as book_grpc
from pexd.v1 import ban_service_pb2 as bans
from pexd.v1 import ban_service_pb2_grpc as bans_grpc
from pexd.v1 import reactor_service_pb2 as reactor
from pexd.v1 import reactor_service_pb2_grpc as reactor_grpc

SECONDS = 20


class Client:
    def __init__(self, address, token=None, compression=None):
        # Of a Unix socket gRPC's core makes an authority that is none, and HTTP/2 servers refuse.
        options = [("grpc.default_authority", "localhost")] if address.startswith("unix:") else []
        self.channel = grpc.insecure_channel(address, options=options, compression=compression)
        self.metadata = [("authorization", f"Bearer {token}")] if token else []
        self.book = book_grpc.AddressBookServiceStub(self.channel)
        self.bans = bans_grpc.BanServiceStub(self.channel)
        self.reactor = reactor_grpc.ReactorServiceStub(self.channel)

    def call(self, method, request, timeout=SECONDS):
        return method(request, metadata=self.metadata, timeout=timeout)

    def addresses(self, page_size):
        """The whole book, page by page; and how many addresses the first page says there are."""
        found, total, token = [], None, ""
        while True:
            request = book.ListAddressesRequest(page_size=page_size, page_token=token)
            page = self.call(self.book.ListAddresses, request)
            assert len(page.addresses) <= page_size
            total = page.total_count if total is None else total
            found += [address.address for address in page.addresses]
            token = page.next_page_token
            if not token:
                return found, total

    def ban(self, target, network=""):
        request = bans.BanRequest(network=network, target=target, reason="by Python")
        request.duration.FromSeconds(86_400)
        return self.call(self.bans.Ban, request)

    def unban(self, target):
        return self.call(self.bans.Unban, bans.UnbanRequest(target=target))


class Reader:
    """Follows the events of all networks, and knows what it has not seen."""

    def __init__(self):
        self.cursors = {}
        self.missed = 0
        self.bound = 0

    def catch_up(self, client):
        """The events up to now, from where the reader is, or else from the oldest one that is kept."""
        request = reactor.WatchEventsRequest(network="-", after=self.cursors.values(), from_oldest=True)
        stream = client.call(client.reactor.WatchEvents, request)
        events = []
        for response in stream:
            update = response.WhichOneof("update")
            if update == "event":
                self.event(response.event)
                events.append(response.event)
            elif update == "missed":
                self.miss(response.missed)
            else:
                cursor = response.caught_up.cursor
                before = self.cursors.get(cursor.network)
                assert before is None or before == cursor, f"{before} is not {cursor}: something was not told"
                self.cursors[cursor.network] = cursor
                break
        stream.cancel()
        return events

    def event(self, event):
        before = self.cursors.get(event.cursor.network)
        if before is not None and before.epoch == event.cursor.epoch:
            number = event.cursor.number
            assert number == before.number + 1, f"{number} follows {before.number}: an event was lost"
        self.cursors[event.cursor.network] = event.cursor

    def miss(self, missed):
        before = self.cursors.get(missed.network)
        if missed.exact:
            start = 0 if before is None else before.number
            assert missed.cursor.number == start + missed.count, f"{missed} after {before}"
            self.missed += missed.count
        else:
            self.bound += missed.count
        self.cursors[missed.network] = missed.cursor
