// The common workload, run on the core: compile with the folder that has bench.hpp on the include path.
//   -DCHECKS=1: both accounts are known, and every limit is set but none is reached.
//   -DLEASES=1, with CHECKS: every order is leased, too, and the leases grant more from time to time, as the ledger's do.
#include <cstddef>

#include "bench.hpp"
#include "book/core.hpp"

#ifndef CHECKS
#define CHECKS 0
#endif
#ifndef LEASES
#define LEASES 0
#endif
static_assert(CHECKS || !LEASES, "only a known account has a lease");

namespace {

constexpr std::uint32_t kSymbol = 1;
constexpr std::uint32_t kBuyer = 1, kSeller = 2;
// Each time so many operations are done a lease is granted so many lots more: some three times what they use.
constexpr std::size_t kRenewal = 10'000;
constexpr std::int64_t kGrant = 500'000;

struct CoreAdapter {
  static constexpr const char* name = LEASES   ? "breakwater-core(leases,checks,events)"
                                      : CHECKS ? "breakwater-core(checks,events)"
                                               : "breakwater-core(events)";

  explicit CoreAdapter(const wl::Header& header) : core(book::Capacity{header.nprefill + header.nprefill / 8 + 64}) {
    book::Command list{};
    list.kind = book::Kind::kListInstrument;
    list.symbol = kSymbol;
    list.instrument.tick = 1;
    list.instrument.lot = 1;
    if (CHECKS) {
      list.instrument.price_low = 1;
      list.instrument.price_high = 1'000'000;
      list.instrument.quantity_max = 1'000'000;
      list.instrument.collar_bps = 9'000;
    }
    apply(list);
    if (CHECKS) know(kBuyer);
    if (CHECKS) know(kSeller);
    events.clear();
    command.symbol = kSymbol;
    command.session = 7;
    command.type = book::Type::kLimit;
    command.time_in_force = book::TimeInForce::kGtc;
    command.self_trade = book::SelfTrade::kCancelNewest;
    if (LEASES) command.flags = book::kLeased;
  }

  void know(std::uint32_t account) {
    book::Command set{};
    set.kind = book::Kind::kSetAccount;
    set.account = account;
    set.account_terms = {account, 1 << 20, std::int64_t{1} << 50, 1 << 24, std::int64_t{1} << 40, 1'000'000'000, {}};
    apply(set);
    set = {};
    set.kind = book::Kind::kSetHolding;
    set.account = account;
    set.symbol = kSymbol;
    set.holding.position_max = std::int64_t{1} << 50;
    apply(set);
  }

  void grant(std::uint32_t account, std::int64_t version) {
    book::Command set{};
    set.kind = book::Kind::kSetLease;
    set.account = account;
    set.symbol = kSymbol;
    set.lease = {version, version * kGrant, version * kGrant, 1'000'000, 1 << 24, INT64_MAX, {}};
    apply(set);
  }

  void apply(const book::Command& command) { core.apply(&command, 1, events); }

  void prepare(const wl::Op*, std::size_t) {}

  // The command is made here, from the 32 bytes that the probe reads as well: 2 million of them made before would be
  // 256 MB, and reading those the larger part of what is measured.
  void exec(std::size_t i, const wl::Op& op) {
    if (LEASES && i % kRenewal == 0) {
      const auto version = static_cast<std::int64_t>(i / kRenewal) + 1;
      grant(kBuyer, version);
      grant(kSeller, version);
    }
    command.seq = i + 1;
    command.at_ns = CHECKS ? static_cast<std::int64_t>(i) * 1'000 : 0;
    command.order_id = op.id;
    command.price = op.price;
    command.quantity = op.qty;
    command.kind = op.type == wl::CANCEL ? book::Kind::kCancel : book::Kind::kSubmit;
    command.side = op.side == 0 ? book::Side::kBuy : book::Side::kSell;
    command.account = op.side == 0 ? kBuyer : kSeller;
    events.clear();
    core.apply(&command, 1, events);
    for (const book::Event& event : events) {
      if (event.kind != book::EventKind::kTraded) continue;
      counts.fill(event.maker_id, event.order_id, static_cast<std::uint64_t>(event.quantity),
                  static_cast<std::uint64_t>(event.price));
    }
  }

  Tally& tally() { return counts; }

  book::Core core;
  book::EventBuffer events;
  book::Command command{};
  Tally counts;
};

}  // namespace

int main(int argc, char** argv) { return bench_main<CoreAdapter>(argc, argv); }
