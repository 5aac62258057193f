// How to split an order over the books of several venues so that it costs least. It knows no book of the core.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace book {

struct Offer {
  std::int64_t price, quantity;
};

// What to take of one book: `quantity` in all, from its first `levels` offers.
struct Take {
  std::int64_t quantity = 0;
  std::size_t levels = 0;
};

// Of each book what to take of `quantity`; less in all where the books offer less. `offers[i]` are those of book i, best
// first, and `unit_costs[i]` is what its price is multiplied with: below zero where a high price is the better one. Where
// two offers cost the same, the book that stands first. Throws std::invalid_argument unless there is a cost for each book.
std::vector<Take> split_cheapest(const std::vector<std::vector<Offer>>& offers, const std::vector<std::int64_t>& unit_costs,
                                 std::int64_t quantity);

}  // namespace book
