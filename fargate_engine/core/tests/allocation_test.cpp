// A program of its own: it replaces operator new to count what is allocated.
#include <cstdlib>
#include <new>
#include <random>
#include <vector>

#include "check.hpp"
#include "market.hpp"

namespace {

std::size_t allocations = 0;

void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  const std::size_t whole = (size + alignment - 1) / alignment * alignment;
  if (void* const memory = std::aligned_alloc(alignment, whole); memory != nullptr) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return counted(size, 16); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

using namespace test;

namespace {

// Submits, cancels of the oldest and trades around a price that wanders, with at most kLive orders, every other one leased; now and then
// a stop, an iceberg or an order that expires, or a lease is granted more.
class Load {
 public:
  void run(Core& core, EventBuffer& events, int commands) {
    for (int i = 0; i < commands; ++i) {
      events.clear();
      const Command next = make();
      core.apply(&next, 1, events);
    }
  }

 private:
  Command make() {
    ++time_;
    if (random_() % 50 == 0) middle_ += static_cast<std::int64_t>(random_() % 21) - 10;
    cancels_ = !cancels_;
    if (cancels_ && next_id_ > kLive) return with(cancel(next_id_ - kLive)).at(time_);
    if (random_() % 100 == 0) {
      return with(lease(static_cast<std::uint32_t>(1 + random_() % 7), {time_, 25 * time_, 25 * time_, 2'000'000, kOrders, INT64_MAX, {}})).at(time_);
    }
    const std::uint64_t id = ++next_id_;
    const Side side = random_() % 2 == 0 ? Side::kBuy : Side::kSell;
    const auto away = static_cast<std::int64_t>(random_() % 60) - 4;
    const std::int64_t price = side == Side::kBuy ? middle_ - away : middle_ + away;
    With made = with(order(id, side, 1 + static_cast<std::int64_t>(random_() % 50), price)).at(time_);
    made.account(static_cast<std::uint32_t>(1 + id % 7));
    if (random_() % 2 == 0) made.flag(kLeased);
    const std::uint64_t special = random_() % 40;
    if (special == 0) made.display(made.quantity);
    if (special == 1) made.type(Type::kStop).stop(side == Side::kBuy ? price + 30 : price - 30);
    if (special < 4) made.until(time_ + 2'000);
    return made;
  }

  static constexpr std::uint64_t kLive = 4'000;
  static constexpr std::int64_t kOrders = 1'000;
  std::mt19937_64 random_{17};
  bool cancels_ = false;
  std::uint64_t next_id_ = 0;
  std::int64_t middle_ = 1'000'000;
  std::int64_t time_ = 0;
};

}  // namespace

TEST("a warm core allocates nothing") {
  Market m(Capacity{1 << 14, 1 << 16});
  for (std::uint32_t number = 1; number <= 7; ++number) m.send(account(number));
  EventBuffer events;
  Load load;
  load.run(m.core, events, 400'000);
  const std::size_t before = allocations;
  load.run(m.core, events, 1'000'000);
  CHECK(m.core.live_orders() > 1'000 && m.core.live_orders() < 1 << 14);
  CHECK(allocations == before);
}
