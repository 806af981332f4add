#pragma once
// The search language as a condition of PostgreSQL.
#include <string>
#include <vector>

#include "fleet/search_query.hpp"
#include "platform/pg/clauses.hpp"

namespace pulse::fleet {

/// A dynamic group that a query names: what its members fit.
struct NamedGroup {
  std::string group_id, name;
  SearchQuery filter;
};

/// Text as a LIKE pattern that finds it anywhere; its own wildcards are literal.
std::string containing(std::string_view text);

/// What devices must fit, over `device_registry r LEFT JOIN device_state s`. `joins` follow these:
/// sets of devices, sites and templates, so that terms cost a hash join each, in an OR too.
struct SearchSql {
  std::string joins, condition;
};

/// Parameters go to `clauses`. Without terms the condition is "true". A name of a group that is in
/// neither `dynamic` nor the static groups fits no device; so does a dynamic group named by a
/// dynamic group.
SearchSql search_sql(const SearchQuery& query, pg::Clauses& clauses,
                     const std::vector<NamedGroup>& dynamic = {});

}  // namespace pulse::fleet
