#pragma once
// What each file of this room mounts; a new resource adds its line here and in mount.cpp.
#include "alerting/deps.hpp"

namespace pulse::alerting {}  // namespace pulse::alerting
