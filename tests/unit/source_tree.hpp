#pragma once
#include <string>
#include <string_view>

namespace pulse::test {

/// The absolute path of a file of this checkout; `relative` begins below its root: "migrations".
std::string source_path(std::string_view relative);

}  // namespace pulse::test
