// The steps of a command: time, expiry, the command itself, triggers.
#include "core_state.hpp"
#include "lifecycle.hpp"

#include <algorithm>
#include <utility>

namespace book {

CoreState::CoreState(Capacity capacity)
    : pool_(capacity.orders_max), ids_(std::min(capacity.orders, capacity.orders_max)), orders_max_(capacity.orders_max) {
  pool_.warm(std::min(capacity.orders, capacity.orders_max));
}

void CoreState::apply(const Command* commands, std::size_t count, EventBuffer& events) {
  events_ = &events;
  for (std::size_t i = 0; i < count; ++i) {
    command_ = static_cast<std::uint32_t>(i);
    apply_one(commands[i]);
  }
}

void CoreState::apply_one(const Command& command) {
  // Before the kind is asked, which no processor guesses: while it starts again what both kinds need is on its way.
  const IdMap::Start start = ids_.start_of(command.order_id);
  ids_.fetch(start, pool_);
  now_ = std::max(now_, command.at_ns);
  if (next_expiry_ <= now_) expire_due();
  if (command.kind == Kind::kSubmit) {
    submit(command, start);
  } else if (command.kind == Kind::kCancel) {
    cancel(command, start);
  } else {
    apply_rare(command);
  }
  if (touched_ == nullptr) return;
  trigger_all(*touched_);
  touched_ = nullptr;
}

void CoreState::apply_rare(const Command& command) {
  switch (command.kind) {
    case Kind::kReplace:
      replace(command);
      break;
    case Kind::kMassCancel:
      mass_cancel(command);
      break;
    case Kind::kRefuse:
      reject(command.order_id, command.symbol, command.reason);
      break;
    case Kind::kRefuseReplace:
      refuse_replace(command);
      break;
    case Kind::kVenueAccepted:
    case Kind::kVenueRejected:
    case Kind::kVenueFilled:
    case Kind::kVenueCanceled:
    case Kind::kVenueExpired:
    case Kind::kVenueReplaced:
      venue_report(command);
      break;
    case Kind::kListInstrument:
      list_instrument(command);
      break;
    case Kind::kSetAccount:
      set_account(command);
      break;
    case Kind::kSetHolding:
      set_holding(command);
      break;
    case Kind::kSetLease:
      set_lease(command);
      break;
    case Kind::kSetMark:
      set_mark(command);
      break;
    case Kind::kHalt:
    case Kind::kResume:
    case Kind::kStartAuction:
    case Kind::kUncross:
      change_trading_state(command);
      break;
    case Kind::kAdvanceTime:
      break;
    default:
      reject(command.order_id, 0, Reason::kInvalidTerms);
  }
}

void CoreState::expire_due() {
  chosen_.clear();
  expiry_.visit_up_to(now_, [&](OrderIndex index) { chosen_.push_back(index); });
  const auto rank = [&](OrderIndex index) { return std::pair{pool_.cold(index).expire_at_ns, pool_[index].entry()}; };
  std::sort(chosen_.begin(), chosen_.end(), [&](OrderIndex a, OrderIndex b) { return rank(a) < rank(b); });
  for (const OrderIndex index : chosen_) {
    end(*books_[pool_[index].symbol()], index, EventKind::kExpired, Reason::kNone);
  }
}

}  // namespace book
