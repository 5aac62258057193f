#include "book/split.hpp"

#include <algorithm>
#include <stdexcept>

#include "accounts.hpp"

namespace book {

std::vector<Take> split_cheapest(const std::vector<std::vector<Offer>>& offers, const std::vector<std::int64_t>& unit_costs,
                                 std::int64_t quantity) {
  if (offers.size() != unit_costs.size()) throw std::invalid_argument("each book has one unit cost");
  std::vector<Take> takes(offers.size());
  // The venues of a firm are a handful: to look at the head of each is sooner done than to keep a heap of them.
  while (quantity > 0) {
    std::size_t cheapest = offers.size();
    Wide least = 0;
    for (std::size_t at = 0; at < offers.size(); ++at) {
      if (takes[at].levels == offers[at].size()) continue;
      const Wide cost = Wide{offers[at][takes[at].levels].price} * unit_costs[at];
      if (cheapest == offers.size() || cost < least) {
        cheapest = at;
        least = cost;
      }
    }
    if (cheapest == offers.size()) break;
    const std::int64_t taken = std::min(offers[cheapest][takes[cheapest].levels].quantity, quantity);
    takes[cheapest].quantity += taken;
    ++takes[cheapest].levels;
    quantity -= taken;
  }
  return takes;
}

}  // namespace book
