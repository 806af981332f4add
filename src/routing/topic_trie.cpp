#include "routing/topic_trie.hpp"

#include "platform/mqtt/topic.hpp"

namespace pulse::routing {

namespace {

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

/// Cuts the first level off; `rest` keeps what follows, `last` says that nothing does.
std::string_view cut_level(std::string_view& rest, bool& last) {
  const auto slash = rest.find('/');
  const auto level = rest.substr(0, slash);
  last = slash == std::string_view::npos;
  rest = last ? std::string_view{} : rest.substr(slash + 1);
  return level;
}

std::vector<std::string_view> levels_of(std::string_view text) {
  std::vector<std::string_view> out;
  bool last = false;
  while (!last) out.push_back(cut_level(text, last));
  return out;
}

}  // namespace

struct TopicTrie::Node {
  std::unordered_map<std::string, std::unique_ptr<Node>, Hash, std::equal_to<>> children;
  std::unique_ptr<Node> any;         // +
  std::vector<std::uint32_t> here;   // filters that end here
  std::vector<std::uint32_t> below;  // filters that end with # here

  void match(std::string_view rest, bool first, std::vector<std::uint32_t>& out) const {
    bool last = false;
    const auto level = cut_level(rest, last);
    const bool wild = !(first && level.starts_with('$'));
    if (wild) out.insert(out.end(), below.begin(), below.end());
    const auto follow = [&](const Node& next) {
      if (!last) return next.match(rest, false, out);
      out.insert(out.end(), next.here.begin(), next.here.end());
      out.insert(out.end(), next.below.begin(), next.below.end());  // # matches its parent too
    };
    if (const auto child = children.find(level); child != children.end()) follow(*child->second);
    if (any && wild) follow(*any);
  }
};

TopicTrie::TopicTrie() : root_(std::make_unique<Node>()) {}
TopicTrie::~TopicTrie() = default;
TopicTrie::TopicTrie(TopicTrie&&) noexcept = default;
TopicTrie& TopicTrie::operator=(TopicTrie&&) noexcept = default;

void TopicTrie::add(std::string_view filter, std::uint32_t value) {
  ++size_;
  Node* at = root_.get();
  bool last = false;
  while (!last) {
    const auto level = cut_level(filter, last);
    if (level == "#") {
      at->below.push_back(value);
      return;
    }
    auto& next = level == "+" ? at->any : at->children[std::string(level)];
    if (!next) next = std::make_unique<Node>();
    at = next.get();
  }
  at->here.push_back(value);
}

void TopicTrie::match(std::string_view topic, std::vector<std::uint32_t>& out) const {
  root_->match(topic, true, out);
}

std::string fault_of_filter(std::string_view filter) {
  if (mqtt::is_shared_filter(filter)) return "must not be a shared subscription ($share/...)";
  if (!mqtt::is_valid_topic_filter(filter))
    return "must be an MQTT topic filter: '+' and '#' stand alone in their level, '#' in the last";
  return {};
}

bool may_match(std::string_view filter, std::string_view pattern) {
  const auto wanted = levels_of(filter), given = levels_of(pattern);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == "#") return true;
    if (i >= given.size()) return false;
    const bool open = wanted[i] == "+" || given[i].find('{') != std::string_view::npos;
    if (!open && wanted[i] != given[i]) return false;
  }
  // "a/#" has been answered above; "a/b" and "a/b/#" meet at the parent level.
  return wanted.size() == given.size();
}

std::string why_not(std::string_view filter, std::string_view topic) {
  if (mqtt::topic_matches(filter, topic)) return {};
  const auto wanted = levels_of(filter), given = levels_of(topic);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == "#") break;
    const auto number = std::to_string(i + 1);
    if (i >= given.size())
      return "The topic has " + std::to_string(given.size()) + " levels; the filter asks for '" +
             std::string(wanted[i]) + "' in level " + number;
    if (wanted[i] != "+" && wanted[i] != given[i])
      return "Level " + number + " of the topic is '" + std::string(given[i]) +
             "'; the filter asks for '" + std::string(wanted[i]) + "'";
  }
  if (given.size() > wanted.size())
    return "The topic has " + std::to_string(given.size()) + " levels; the filter ends after " +
           std::to_string(wanted.size());
  return "Wildcards do not match topics that begin with '$'";
}

}  // namespace pulse::routing
