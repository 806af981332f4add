#pragma once
// GET /files/{token}: objects of the local storage, for whoever was given a signed link.
#include <memory>

#include "platform/http/router.hpp"
#include "platform/storage/storage.hpp"

namespace pulse::gateway {

void mount_files(http::Router& api, std::shared_ptr<storage::LocalStorage> files);

}  // namespace pulse::gateway
