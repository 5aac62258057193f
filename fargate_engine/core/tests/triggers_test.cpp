#include "check.hpp"
#include "market.hpp"

using namespace test;

namespace {

Command dormant(std::uint64_t id, Side side, Type type, std::int64_t stop_price, std::int64_t price = 0) {
  return with(order(id, side, 5, price)).type(type).stop(stop_price);
}

// Makes `price` the last price.
void print(Market& m, std::int64_t price) {
  m.send(sell(1'000, 1, price));
  m.send(buy(1'001, 1, price));
}

bool triggered(const Event& event, std::uint64_t id, std::int64_t reference) {
  return event.kind == EventKind::kTriggered && event.order_id == id && event.price == reference;
}

}  // namespace

TEST("a buy stop triggers when the last price reaches it and trades as a market order") {
  Market m;
  m.send(dormant(1, Side::kBuy, Type::kStop, 105));
  print(m, 104);
  CHECK(m.events.size() == 2);
  m.send(sell(2, 9, 107));
  m.send(sell(3, 1, 105));
  const auto& events = m.send(buy(4, 1, 105));
  CHECK(events.size() == 4 && triggered(events[2], 1, 105) && is_trade(events[3], 1, 2, 5, 107));
}

TEST("a sell stop triggers when the price falls to it") {
  Market m;
  m.send(dormant(1, Side::kSell, Type::kStop, 95));
  print(m, 95);
  CHECK(triggered(m.events[2], 1, 95) && is_end(m.events[3], 1, Reason::kNoLiquidity, 5));
}

TEST("take-profits trigger from the other side") {
  Market m;
  m.send(dormant(1, Side::kBuy, Type::kTakeProfit, 95));
  m.send(dormant(2, Side::kSell, Type::kTakeProfitLimit, 105, 106));
  print(m, 95);
  CHECK(triggered(m.events[2], 1, 95));
  print(m, 105);
  CHECK(triggered(m.events[2], 2, 105) && m.core.depth(kApple, Side::kSell, 1)[0].price == 106);
}

TEST("a triggered stop limit rests at its price") {
  Market m;
  m.send(dormant(1, Side::kBuy, Type::kStopLimit, 105, 103));
  m.send(mark(200));
  CHECK(m.core.depth(kApple, Side::kBuy, 1).empty());
  print(m, 110);
  CHECK(m.core.depth(kApple, Side::kBuy, 1)[0].price == 103);
}

TEST("a triggered market order keeps its protection price") {
  Market m;
  m.send(dormant(1, Side::kBuy, Type::kStop, 105, 106));
  m.send(sell(2, 5, 107));
  print(m, 105);
  CHECK(is_end(m.events[3], 1, Reason::kPriceBand, 5));
}

TEST("an order by mark does not look at the last price") {
  Market m;
  m.send(with(dormant(1, Side::kBuy, Type::kStop, 105)).by(Trigger::kMark));
  print(m, 110);
  CHECK(m.events.size() == 2);
  CHECK(triggered(m.send(mark(105))[1], 1, 105));
}

TEST("a dormant order whose condition holds triggers with its own command") {
  Market m;
  print(m, 110);
  const auto& events = m.send(dormant(1, Side::kBuy, Type::kStop, 105));
  CHECK(events[0].kind == EventKind::kAccepted && triggered(events[1], 1, 110));
}

TEST("all that trigger at once do so in order of entry") {
  Market m;
  m.send(dormant(1, Side::kSell, Type::kTakeProfit, 104));
  m.send(dormant(2, Side::kBuy, Type::kStop, 105));
  m.send(with(dormant(3, Side::kBuy, Type::kStop, 101)).by(Trigger::kMark));
  m.send(of_symbol(Kind::kHalt));
  m.send(mark(110));
  m.send(of_symbol(Kind::kResume));
  CHECK(m.events.size() == 3 && triggered(m.events[1], 3, 110));
  m.send(dormant(4, Side::kBuy, Type::kStop, 103));
  print(m, 105);
  CHECK(triggered(m.events[2], 1, 105) && triggered(m.events[4], 2, 105) && triggered(m.events[6], 4, 105));
}

TEST("what a triggered order trades may trigger the next") {
  Market m;
  m.send(dormant(1, Side::kBuy, Type::kStop, 105));
  m.send(dormant(2, Side::kBuy, Type::kStop, 120));
  m.send(sell(3, 5, 125));
  print(m, 105);
  CHECK(triggered(m.events[2], 1, 105) && is_trade(m.events[3], 1, 3, 5, 125) && triggered(m.events[4], 2, 125));
}

TEST("a trailing stop follows the price and stays where it was when that turns") {
  Market m;
  m.send(dormant(1, Side::kSell, Type::kTrailingStop, 10));
  print(m, 100);
  print(m, 120);
  print(m, 111);
  CHECK(m.live(1));
  print(m, 110);
  CHECK(triggered(m.events[2], 1, 110));
}

TEST("a trailing buy follows the price down") {
  Market m;
  m.send(with(dormant(1, Side::kBuy, Type::kTrailingStop, 10)).by(Trigger::kMark));
  m.send(mark(100));
  m.send(mark(80));
  m.send(mark(89));
  CHECK(m.live(1) && triggered(m.send(mark(90))[1], 1, 90));
}

TEST("trailing stops that came at different times have peaks of their own") {
  Market m;
  m.send(with(dormant(1, Side::kSell, Type::kTrailingStop, 30)).by(Trigger::kMark));
  m.send(mark(200));
  m.send(mark(180));
  m.send(with(dormant(2, Side::kSell, Type::kTrailingStop, 30)).by(Trigger::kMark));
  m.send(mark(190));
  const auto& events = m.send(mark(170));
  CHECK(events.size() == 3 && triggered(events[1], 1, 170) && m.live(2));
  CHECK(triggered(m.send(mark(160))[1], 2, 160));
}

TEST("a replaced trailing stop forgets its peak") {
  Market m;
  m.send(with(dormant(1, Side::kSell, Type::kTrailingStop, 10)).by(Trigger::kMark));
  m.send(mark(100));
  m.send(mark(95));
  m.send(with(replace(1, 6, 0)));
  CHECK(m.send(mark(86)).size() == 1 && triggered(m.send(mark(85))[1], 1, 85));
}

TEST("nothing triggers in an auction until it has ended") {
  Market m;
  m.send(of_symbol(Kind::kStartAuction));
  m.send(dormant(1, Side::kBuy, Type::kStop, 100));
  m.send(sell(2, 5, 100));
  m.send(buy(3, 5, 100));
  const auto& events = m.send(of_symbol(Kind::kUncross));
  CHECK(is_trade(events[0], 3, 2, 5, 100) && events[1].kind == EventKind::kUncrossed && triggered(events[2], 1, 100));
}

TEST("a dormant order can expire, be cancelled and be counted as open") {
  Market m;
  m.send(account(9));
  m.send(holding(9, 0, 5));
  m.send(with(dormant(1, Side::kBuy, Type::kStop, 105)).account(9).until(50));
  CHECK(m.refusal(with(buy(2, 1, 100)).account(9)) == Reason::kPositionLimit);
  CHECK(m.send(with(command(Kind::kAdvanceTime)).at(50))[0].kind == EventKind::kExpired);
  m.send(dormant(3, Side::kBuy, Type::kStop, 105));
  CHECK(is_end(m.one(cancel(3)), 3, Reason::kNone, 5));
  print(m, 200);
  CHECK(m.events.size() == 2);
}

TEST("a triggered limit order that was good till a date still expires") {
  Market m;
  m.send(with(dormant(1, Side::kBuy, Type::kStopLimit, 105, 103)).until(50));
  print(m, 105);
  CHECK(m.send(with(command(Kind::kAdvanceTime)).at(50))[0].kind == EventKind::kExpired);
}

TEST("a reduce-only stop is judged when it trades") {
  Market m;
  m.send(account(9));
  m.send(with(dormant(1, Side::kSell, Type::kStop, 95)).account(9).flag(kReduceOnly));
  m.send(buy(2, 5, 90));
  m.send(mark(1));
  print(m, 95);
  CHECK(triggered(m.events[2], 1, 95) && is_end(m.events[3], 1, Reason::kReduceOnly, 5));
}
