#pragma once
#include <string_view>

namespace pulse::mqtt {

/// A topic that a message can be published to (section 4.7): 1 to 65,535 bytes of UTF-8 without
/// U+0000 and without the wildcards `+` and `#`.
bool is_valid_topic_name(std::string_view topic);

/// A filter to subscribe by (section 4.7.1): as a topic name, but a level may be `+`, and the last
/// level may be `#`; wildcards stand alone in their level. A `$share/{name}/{filter}` is valid when
/// its name is not empty, has no wildcard, and its filter is valid (section 4.8.2).
bool is_valid_topic_filter(std::string_view filter);

/// True when the filter contains `+` or `#`.
bool has_wildcard(std::string_view filter);

/// True for filters of a shared subscription (`$share/...`, section 4.8.2).
bool is_shared_filter(std::string_view filter);

/// True when a message to `topic` goes to a subscriber of `filter`. Both must be valid. `#` also
/// matches the parent level (4.7.1.2), and a wildcard in the first level does not match topics
/// that begin with `$` [MQTT-4.7.2-1].
bool topic_matches(std::string_view filter, std::string_view topic);

/// True when every topic that `inner` matches is matched by `outer` too. Both are valid filters
/// that do not begin with `$`. Used to grant subscriptions within a permitted range.
bool filter_covers(std::string_view outer, std::string_view inner);

}  // namespace pulse::mqtt
