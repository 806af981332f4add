// libFuzzer: a search. It is taken or refused; what is taken becomes a statement whose text holds
// no more than its parameters' numbers.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "fleet/search_sql.hpp"
#include "platform/errors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pulse;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto query = fleet::parse_search(text);
    pg::Clauses clauses(" AND ");
    const auto written = fleet::search_sql(query, clauses);
    const auto condition = written.joins + written.condition;
    const auto next = "$" + std::to_string(clauses.params().size() + 1);
    if (condition.find(next) != std::string::npos || condition.find('?') != std::string::npos)
      std::abort();
  } catch (const HttpError& e) {
    if (e.status != 400) std::abort();
  }
  return 0;
}
