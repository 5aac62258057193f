#include "check.hpp"
#include "market.hpp"

using namespace test;

namespace {

Command report(Kind kind, std::uint64_t id, std::int64_t quantity = 0, std::int64_t price = 0) {
  Command made = command(kind);
  made.order_id = id;
  made.quantity = quantity;
  made.price = price;
  made.reason = Reason::kVenue;
  return made;
}

Command routed(std::uint64_t id) { return with(buy(id, 10, 100)).account(9).venue(2); }

struct Routed : Market {
  Routed() {
    send(test::account(9));
    send(sell(50, 5, 100));
    send(routed(1));
  }
};

}  // namespace

TEST("an order for an outside venue is kept and not matched") {
  Routed m;
  CHECK(m.events.size() == 1 && m.events[0].kind == EventKind::kRouted && m.leaves(50) == 5 && m.leaves(1) == 10);
}

TEST("the venue's acceptance is told once") {
  Routed m;
  CHECK(m.one(report(Kind::kVenueAccepted, 1)).kind == EventKind::kAccepted);
  CHECK(m.send(report(Kind::kVenueAccepted, 1)).empty());
}

TEST("a venue's fills move the position and end the order") {
  Routed m;
  const Event filled = m.one(report(Kind::kVenueFilled, 1, 4, 99));
  CHECK(filled.kind == EventKind::kVenueFilled && filled.price == 99 && filled.leaves == 6);
  CHECK(m.core.position(9, kApple) == 4 && m.refusal(report(Kind::kVenueFilled, 1, 7, 99)) == Reason::kOverflow);
  m.send(report(Kind::kVenueFilled, 1, 6, 99));
  CHECK(!m.live(1) && m.core.position(9, kApple) == 10);
}

TEST("a fill that makes no sense is refused and moves nothing") {
  Routed m;
  CHECK(m.refusal(report(Kind::kVenueFilled, 1, 0, 99)) == Reason::kInvalidQuantity);
  CHECK(m.refusal(report(Kind::kVenueFilled, 1, 1, 0)) == Reason::kInvalidPrice);
  CHECK(m.leaves(1) == 10);
}

TEST("a cancel or mass cancel of a routed order is a request") {
  Routed m;
  CHECK(m.one(cancel(1)).kind == EventKind::kCancelRequested && m.live(1));
  const Event requested = m.one(with(command(Kind::kMassCancel)).account(9));
  CHECK(requested.kind == EventKind::kCancelRequested && requested.reason == Reason::kMassCancel);
  CHECK(m.refusal(replace(1, 5, 100)) == Reason::kTooLate);
}

TEST("a replace of a routed order is a request once its venue has accepted it") {
  Routed m;
  m.send(report(Kind::kVenueAccepted, 1));
  m.send(report(Kind::kVenueFilled, 1, 4, 99));
  CHECK(m.refusal(replace(1, 4, 100)) == Reason::kTooLate && m.refusal(replace(1, 5, 0)) == Reason::kInvalidPrice);
  CHECK(m.one(replace(1, 5, 101)).kind == EventKind::kReplaceRequested && m.leaves(1) == 6);
  const Event replaced = m.one(report(Kind::kVenueReplaced, 1, 20, 101));
  CHECK(replaced.kind == EventKind::kReplaced && replaced.quantity == 20 && replaced.leaves == 16);
  CHECK(m.one(report(Kind::kVenueFilled, 1, 16, 101)).leaves == 0 && !m.live(1));
}

TEST("a venue's replacement that makes no sense is refused and changes nothing") {
  Routed m;
  m.send(report(Kind::kVenueFilled, 1, 4, 99));
  CHECK(m.refusal(report(Kind::kVenueReplaced, 1, 4, 100)) == Reason::kTooLate);
  CHECK(m.refusal(report(Kind::kVenueReplaced, 1, 5, 0)) == Reason::kInvalidPrice);
  CHECK(m.refusal(report(Kind::kVenueReplaced, 1, kQuantityMax + 1, 100)) == Reason::kInvalidQuantity);
  CHECK(m.leaves(1) == 6 && m.send(report(Kind::kVenueReplaced, 50, 5, 100)).empty());
}

TEST("a refused replace is told of a live order and of any other") {
  Routed m;
  CHECK(m.refusal(report(Kind::kRefuseReplace, 1)) == Reason::kVenue && m.leaves(1) == 10);
  CHECK(m.refusal(report(Kind::kRefuseReplace, 77)) == Reason::kVenue);
}

TEST("the venue ends orders with its reason") {
  Routed m;
  CHECK(is_end(m.one(report(Kind::kVenueCanceled, 1)), 1, Reason::kVenue, 10));
  m.send(routed(2));
  CHECK(m.one(report(Kind::kVenueRejected, 2)).reason == Reason::kVenue && !m.live(2));
  m.send(routed(3));
  CHECK(m.one(report(Kind::kVenueExpired, 3)).kind == EventKind::kExpired && m.core.live_orders() == 1);
}

TEST("nothing is said of an order that is not at a venue") {
  Routed m;
  for (const Kind kind : {Kind::kVenueAccepted, Kind::kVenueFilled, Kind::kVenueRejected, Kind::kVenueCanceled}) {
    CHECK(m.send(report(kind, 50, 1, 100)).empty() && m.send(report(kind, 77, 1, 100)).empty());
  }
}

TEST("a routed order neither expires nor triggers here") {
  Market m;
  m.send(with(buy(1, 5, 0)).type(Type::kStop).stop(90).until(10).venue(1));
  m.send(mark(100));
  CHECK(m.send(with(command(Kind::kAdvanceTime)).at(99)).empty() && m.live(1));
}

TEST("an iceberg that a venue made larger than one may be here is restored as it is") {
  Market m;
  m.send(with(buy(1, 100, 100)).display(1).venue(2));
  CHECK(m.one(report(Kind::kVenueReplaced, 1, 1'000, 100)).leaves == 1'000);
  const auto snapshot = m.core.snapshot();
  CHECK(Core::restore(snapshot.data(), snapshot.size()).snapshot() == snapshot);
}
