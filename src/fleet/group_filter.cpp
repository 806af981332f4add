// What a dynamic group's filter means, in the terms of the search language.
#include <algorithm>

#include "fleet/groups.hpp"
#include "platform/errors.hpp"

namespace pulse::fleet {

namespace {

struct MetricComparison {
  std::string metric, op;
  double value = 0;
};
BOOST_DESCRIBE_STRUCT(MetricComparison, (), (metric, op, value))
inline auto constraints(json::As<MetricComparison>) {
  return json::rules<MetricComparison>()
      .length(&MetricComparison::metric, 1, 200)
      .one_of(&MetricComparison::op, {"GT", "GTE", "LT", "LTE", "EQ", "NE"});
}

struct GroupFilter {
  std::optional<std::string> status;
  std::optional<std::vector<std::string>> tags;
  std::optional<std::string> site_id, query;
  std::optional<std::int32_t> template_id;
  std::optional<std::vector<MetricComparison>> metrics;
};
BOOST_DESCRIBE_STRUCT(GroupFilter, (), (status, tags, site_id, query, template_id, metrics))
inline auto constraints(json::As<GroupFilter>) {
  return json::rules<GroupFilter>()
      .one_of(&GroupFilter::status, {"ONLINE", "STALE", "OFFLINE"})
      .items(&GroupFilter::tags, 0, search_max_values)
      .identifier(&GroupFilter::site_id)
      .length(&GroupFilter::query, 0, search_max_length)
      .items(&GroupFilter::metrics, 0, 20);
}

SearchTerm term_of(SearchKey key, std::vector<std::string> values) {
  SearchTerm term;
  term.key = key;
  for (auto& value : values) term.values.push_back({std::move(value), false});
  return term;
}

SearchOperator operator_of(const std::string& word) {
  if (word == "GT") return SearchOperator::greater;
  if (word == "GTE") return SearchOperator::at_least;
  if (word == "LT") return SearchOperator::less;
  if (word == "LTE") return SearchOperator::at_most;
  return word == "EQ" ? SearchOperator::equal : SearchOperator::not_equal;
}

}  // namespace

std::string unsupported_keys(const boost::json::object& filter) {
  std::string out;
  for (const auto& member : filter) {
    bool known = false;
    boost::mp11::mp_for_each<json::described_members<GroupFilter>>(
        [&](auto d) { known = known || member.key() == d.name; });
    if (!known) out += (out.empty() ? "" : ", ") + std::string(member.key());
  }
  return out;
}

SearchQuery search_of_filter(const boost::json::object& filter) {
  if (const auto unknown = unsupported_keys(filter); !unknown.empty())
    throw bad_request("Unsupported filter keys: " + unknown + ". Allowed: " + filter_keys);
  GroupFilter read;
  json::Loc loc{"body", "query_filter"};
  Faults faults;
  json::read(boost::json::value(filter), read, loc, faults);
  if (!faults.empty()) throw ValidationError(std::move(faults));
  SearchQuery out;
  if (read.query) out = parse_search(*read.query);
  if (out.mentions(SearchKey::is))
    throw bad_request("A group has no decommissioned devices: leave 'is:' out");
  if (read.status) out.require(term_of(SearchKey::status, {*read.status}));
  if (read.tags && !read.tags->empty()) out.require(term_of(SearchKey::tag, *read.tags));
  if (read.site_id) out.require(term_of(SearchKey::site_id, {*read.site_id}));
  if (read.template_id)
    out.require(term_of(SearchKey::template_id, {std::to_string(*read.template_id)}));
  for (const auto& m : read.metrics.value_or(std::vector<MetricComparison>{})) {
    auto term = term_of(SearchKey::metric, {boost::json::serialize(boost::json::value(m.value))});
    term.metric = m.metric;
    term.op = operator_of(m.op);
    out.require(std::move(term));
  }
  return out;
}

}  // namespace pulse::fleet
