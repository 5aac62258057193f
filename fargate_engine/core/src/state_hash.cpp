// One number for the whole state, found by walking it.
#include <algorithm>
#include <tuple>

#include "state_words.hpp"

namespace book {

std::uint64_t CoreState::state_hash() const {
  StateHash hash;
  describe(hash);
  return hash.value();
}

std::vector<std::uint32_t> CoreState::sorted_accounts() const {
  std::vector<std::uint32_t> sorted;
  for (std::uint32_t index = 1; index < accounts_.accounts().size(); ++index) sorted.push_back(index);
  std::sort(sorted.begin(), sorted.end(),
            [&](std::uint32_t a, std::uint32_t b) { return accounts_[a].account < accounts_[b].account; });
  return sorted;
}

// Without those that say nothing: they may be there or not.
std::vector<std::uint32_t> CoreState::sorted_holdings() const {
  std::vector<std::uint32_t> sorted;
  for (std::uint32_t index = 1; index < accounts_.holdings().size(); ++index) {
    if (!accounts_.holding(index).blank()) sorted.push_back(index);
  }
  const auto rank = [&](std::uint32_t index) {
    return std::tuple(accounts_.holding(index).account, accounts_.holding(index).symbol);
  };
  std::sort(sorted.begin(), sorted.end(), [&](std::uint32_t a, std::uint32_t b) { return rank(a) < rank(b); });
  return sorted;
}

std::vector<Lease> CoreState::sorted_leases() const {
  std::vector<Lease> sorted(accounts_.leases().begin() + 1, accounts_.leases().end());
  std::sort(sorted.begin(), sorted.end(), [](const Lease& a, const Lease& b) {
    return std::tuple(a.account, a.symbol) < std::tuple(b.account, b.symbol);
  });
  return sorted;
}

}  // namespace book
