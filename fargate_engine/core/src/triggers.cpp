// Orders that wait for a reference price, and what happens when it comes.
#include <algorithm>

#include "core_state.hpp"
#include "lifecycle.hpp"

namespace book {

namespace {

constexpr std::int64_t kNever = INT64_MAX;

// A buy stop and a sell take-profit wait for a rising price, the others for a falling one.
bool waits_for_rise(const Order& order) {
  const bool takes_profit = order.type == Type::kTakeProfit || order.type == Type::kTakeProfitLimit;
  return buys(order) != takes_profit;
}

// Falling groups count downwards, so that in each group what triggers first has the least key.
std::int64_t towards(bool rising, std::int64_t price) { return rising ? price : -price; }

// Moves a trailing price after a reference (as a key). Its own key.
std::int64_t trail(ColdTerms& cold, std::int64_t at, bool rising) {
  const std::int64_t key = at + cold.stop_price;
  cold.trailing_price = std::max<std::int64_t>(towards(rising, key), 0);  // Below 1 it is none.
  return key;
}

}  // namespace

void CoreState::wait_for_trigger(SymbolBook& book, OrderIndex index, const Order& order) {
  const bool rising = waits_for_rise(order);
  TriggerGroup& group = book.group(order.trigger(), rising);
  ColdTerms& cold = pool_.cold(index);
  if (order.type == Type::kTrailingStop) {
    std::int64_t key = cold.trailing_price == 0 ? kNever : towards(rising, cold.trailing_price);
    std::int64_t moves_below = kNever;
    // Where a reference is there it is looked at in this command: to price it now saves a walk over all the others then.
    const std::int64_t reference = book.reference(order.trigger());
    if (cold.trailing_price == 0 && reference != 0 && book.state == TradingState::kContinuous) {
      moves_below = towards(rising, reference);
      key = trail(cold, moves_below, rising);
    }
    group.trailing.insert(pool_, key, index);
    group.trailing_moves_below = std::max(group.trailing_moves_below, moves_below);
  } else {
    group.stops.insert(pool_, towards(rising, cold.stop_price), index);
  }
  ++book.dormant_orders;
  touched_ = &book;
}

void CoreState::stop_waiting(SymbolBook& book, OrderIndex index, const Order& order) {
  TriggerGroup& group = book.group(order.trigger(), waits_for_rise(order));
  (order.type == Type::kTrailingStop ? group.trailing : group.stops).remove(pool_, index);
  --book.dormant_orders;
}

void CoreState::trigger_all(SymbolBook& book) {
  while (book.state == TradingState::kContinuous && book.dormant_orders != 0) {
    triggered_.clear();
    for (const Trigger trigger : {Trigger::kLast, Trigger::kMark}) {
      if (book.reference(trigger) == 0) continue;
      collect_triggered(book, trigger, true);
      collect_triggered(book, trigger, false);
    }
    if (triggered_.empty()) return;
    std::sort(triggered_.begin(), triggered_.end(),
              [&](const Triggered& a, const Triggered& b) { return pool_[a.order].entry() < pool_[b.order].entry(); });
    for (const Triggered& due : triggered_) fire(book, due);
  }
}

void CoreState::collect_triggered(SymbolBook& book, Trigger trigger, bool rising) {
  TriggerGroup& group = book.group(trigger, rising);
  const std::int64_t reference = book.reference(trigger);
  move_trailing(group, reference, rising);
  for (TriggerHeap* const heap : {&group.stops, &group.trailing}) {
    while (!heap->empty() && heap->least().key <= towards(rising, reference)) {
      const OrderIndex index = heap->least().order;
      heap->remove(pool_, index);
      --book.dormant_orders;
      triggered_.push_back({index, reference});
    }
  }
}

// A trailing price only ever comes nearer: its key only falls. Most looks end at the first line.
void CoreState::move_trailing(TriggerGroup& group, std::int64_t reference, bool rising) {
  const std::int64_t at = towards(rising, reference);
  if (at >= group.trailing_moves_below) return;
  chosen_.clear();
  group.trailing_moves_below = INT64_MIN;
  for (const TriggerHeap::Item& item : group.trailing.items()) {
    const std::int64_t distance = pool_.cold(item.order).stop_price;
    if (at + distance < item.key) chosen_.push_back(item.order);
    group.trailing_moves_below = std::max(group.trailing_moves_below, std::min(item.key - distance, at));
  }
  for (const OrderIndex index : chosen_) group.trailing.change(pool_, index, trail(pool_.cold(index), at, rising));
}

void CoreState::fire(SymbolBook& book, const Triggered& due) {
  Order& order = pool_[due.order];
  ColdTerms& cold = pool_.cold(due.order);
  const bool becomes_limit = order.type == Type::kStopLimit || order.type == Type::kTakeProfitLimit;
  order.type = becomes_limit ? Type::kLimit : Type::kMarket;
  order.set_entry(next_entry_++);
  cold.stop_price = 0;
  cold.trailing_price = 0;
  emit(EventKind::kTriggered, order.order_id, order.symbol()).price = due.reference;
  execute(book, due.order, 0);
}

}  // namespace book
