// One symbol: its terms, its state, the two sides of its book, and what waits for a trigger.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "ladder.hpp"
#include "order_heap.hpp"

namespace book {

using ExpiryHeap = OrderHeap<&ColdTerms::expiry_place>;
using TriggerHeap = OrderHeap<&ColdTerms::trigger_place>;

// Orders that one reference triggers in one direction. Keys are chosen so that the first to trigger is the least:
// the stop price for a reference that rises to it, its negative for one that falls to it.
struct TriggerGroup {
  TriggerHeap stops;
  TriggerHeap trailing;
  // A reference (as a key) that is not below it moves no trailing price: a look costs nothing then.
  std::int64_t trailing_moves_below = std::numeric_limits<std::int64_t>::min();
};

// Whole numbers from `low` to `high`, none where `low` is above; one comparison asks for both ends.
struct Range {
  std::int64_t low;
  std::uint64_t count;

  Range(std::int64_t lowest, std::int64_t highest)
      : low(lowest), count(lowest > highest ? 0 : static_cast<std::uint64_t>(highest - lowest) + 1) {}
  bool has(std::int64_t value) const {
    return static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(low) < count;
  }
};

struct SymbolBook {
  SymbolBook(std::uint16_t listed_symbol, const InstrumentTerms& listed_terms) : symbol(listed_symbol) {
    set_terms(listed_terms);
  }

  void set_terms(const InstrumentTerms& listed) {
    terms = listed;
    const auto most = [](std::int64_t set, std::int64_t bound) { return set == 0 ? bound : std::min(set, bound); };
    quantities = Range(std::max<std::int64_t>(listed.quantity_min, 1), most(listed.quantity_max, kQuantityMax));
    prices = Range(std::max<std::int64_t>(listed.price_low, 1), most(listed.price_high, kPriceMax));
  }

  Ladder& side(Side side) { return sides[side_index(side)]; }
  const Ladder& side(Side side) const { return sides[side_index(side)]; }
  bool crossed() const { return !sides[0].empty() && !sides[1].empty() && sides[0].best() >= sides[1].best(); }
  std::int64_t reference(Trigger trigger) const { return trigger == Trigger::kLast ? last : mark; }
  std::int64_t valuation_reference() const { return mark != 0 ? mark : last; }
  // [by kLast, by kMark][rising to the stop price, falling to it]
  TriggerGroup& group(Trigger trigger, bool rising) {
    return groups[static_cast<std::size_t>(trigger) * 2 + (rising ? 0 : 1)];
  }

  InstrumentTerms terms;
  // What a quantity and a limit price may be, but for lots and ticks.
  Range quantities{1, 1};
  Range prices{1, 1};
  std::uint16_t symbol;
  TradingState state = TradingState::kContinuous;
  std::int64_t last = 0;  // 0: none.
  std::int64_t mark = 0;
  std::size_t live_orders = 0;
  std::size_t dormant_orders = 0;
  std::array<Ladder, 2> sides{Ladder(Side::kBuy), Ladder(Side::kSell)};
  std::array<TriggerGroup, 4> groups;
};

}  // namespace book
