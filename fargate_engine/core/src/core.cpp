// The public face: what it promises is in book/core.hpp, what it does in core_state.hpp.
#include "book/core.hpp"

#include <utility>

#include "core_state.hpp"

namespace book {

Core::Core(Capacity capacity) : state_(std::make_unique<CoreState>(capacity)) {}
Core::Core(std::unique_ptr<CoreState> state) : state_(std::move(state)) {}
Core::Core(Core&&) noexcept = default;
Core& Core::operator=(Core&&) noexcept = default;
Core::~Core() = default;

void Core::apply(const Command* commands, std::size_t count, EventBuffer& events) {
  state_->apply(commands, count, events);
}

std::uint64_t Core::state_hash() const { return state_->state_hash(); }
std::vector<std::uint8_t> Core::snapshot() const { return state_->snapshot(); }

Core Core::restore(const std::uint8_t* bytes, std::size_t size, Capacity capacity) {
  auto state = std::make_unique<CoreState>(capacity);
  state->restore(bytes, size);
  return Core(std::move(state));
}

std::vector<LevelView> Core::depth(std::uint32_t symbol, Side side, std::size_t levels_max) const {
  return state_->depth(symbol, side, levels_max);
}
bool Core::find(std::uint64_t order_id, LiveOrder& found) const { return state_->find(order_id, found); }
std::int64_t Core::position(std::uint32_t account, std::uint32_t symbol) const {
  return state_->position(account, symbol);
}
bool Core::lease(std::uint32_t account, std::uint32_t symbol, LeaseState& found) const {
  return state_->lease(account, symbol, found);
}
std::uint64_t Core::next_event_seq() const { return state_->next_event_seq(); }
std::size_t Core::live_orders() const { return state_->live_orders(); }
std::int64_t Core::now() const { return state_->now(); }
std::size_t Core::memory_bytes() const { return state_->memory_bytes(); }

}  // namespace book
