#pragma once
// Which of thousands of topic filters match a topic, in the time that the topic's levels take. No
// I/O here.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pulse::routing {

/// Filters by their levels, as a tree: `+` matches one level, `#` any number of them, also none.
/// Wildcards in the first level do not match topics that begin with `$`.
class TopicTrie {
 public:
  TopicTrie();
  ~TopicTrie();
  TopicTrie(TopicTrie&&) noexcept;
  TopicTrie& operator=(TopicTrie&&) noexcept;

  /// Adds a valid filter; `value` is what `match` tells.
  void add(std::string_view filter, std::uint32_t value);
  /// Appends the values of all filters that match, in no order; one that was added twice comes
  /// twice.
  void match(std::string_view topic, std::vector<std::uint32_t>& out) const;
  std::size_t size() const { return size_; }

 private:
  struct Node;
  std::unique_ptr<Node> root_;
  std::size_t size_ = 0;
};

/// What is wrong with a route's filter, or nothing: MQTT's rules, and no shared subscription.
std::string fault_of_filter(std::string_view filter);

/// True when some topic could match both, where a level of `pattern` with a placeholder in braces
/// stands for any level.
bool may_match(std::string_view filter, std::string_view pattern);

/// Why `topic` is not matched by the valid `filter`, in words; nothing when it is.
std::string why_not(std::string_view filter, std::string_view topic);

}  // namespace pulse::routing
