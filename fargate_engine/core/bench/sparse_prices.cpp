// What an order costs when prices are dense, spread over 2^58, or carried along by a market that moves ten million ticks:
// time to cancel the oldest of 100,000 live orders and add another, and bytes held for each of them
// (in a market that moves most of them trade, and their memory is kept for those that come).
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>

#include "book/core.hpp"

namespace {

constexpr std::uint64_t kLive = 100'000;
constexpr int kOperations = 500'000;

class Load {
 public:
  Load(std::int64_t spread, std::int64_t drift) : spread_(spread), drift_(drift) {
    book::Command list{};
    list.kind = book::Kind::kListInstrument;
    list.symbol = 1;
    list.instrument.tick = 1;
    list.instrument.lot = 1;
    apply(list);
    while (next_id_ < kLive) add();
  }

  double ns_per_operation() {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kOperations; ++i) {
      book::Command cancel{};
      cancel.kind = book::Kind::kCancel;
      cancel.order_id = next_id_ - kLive + 1;
      apply(cancel);
      middle_ += drift_;
      add();
    }
    const std::chrono::duration<double, std::nano> passed = std::chrono::steady_clock::now() - start;
    return passed.count() / (2 * kOperations);
  }

  double bytes_per_order() const {
    return static_cast<double>(core_.memory_bytes()) / static_cast<double>(kLive);
  }

 private:
  void apply(const book::Command& command) {
    events_.clear();
    core_.apply(&command, 1, events_);
  }

  void add() {
    book::Command order{};
    order.kind = book::Kind::kSubmit;
    order.order_id = ++next_id_;
    order.symbol = 1;
    order.side = random_() % 2 == 0 ? book::Side::kBuy : book::Side::kSell;
    order.type = book::Type::kLimit;
    order.time_in_force = book::TimeInForce::kGtc;
    order.quantity = 1;
    const auto away = 1 + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(spread_));
    order.price = order.side == book::Side::kBuy ? middle_ - away : middle_ + away;
    apply(order);
  }

  std::int64_t spread_;
  std::int64_t drift_;
  std::int64_t middle_ = std::int64_t{1} << 59;
  std::uint64_t next_id_ = 0;
  std::mt19937_64 random_{1};
  book::EventBuffer events_;
  book::Core core_{{kLive + kLive / 8, 1 << 22}};
};

void report(const char* name, std::int64_t spread, std::int64_t drift) {
  Load load(spread, drift);
  const double ns = load.ns_per_operation();
  std::printf("{\"prices\":\"%s\",\"ns_per_operation\":%.0f,\"bytes_per_order\":%.0f}\n", name, ns, load.bytes_per_order());
}

}  // namespace

int main() {
  report("dense", 100, 0);
  report("sparse", std::int64_t{1} << 58, 0);
  report("moving", 1'000'000, 20);
}
