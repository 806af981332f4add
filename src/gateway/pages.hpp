#pragma once
// What the gateway serves beside the API: the web application, documents, legacy paths.
#include <memory>
#include <string>

#include "platform/http/router.hpp"
#include "platform/http/static_files.hpp"
#include "tenancy/authenticator.hpp"

namespace pulse::gateway {

struct PageDeps {
  std::shared_ptr<http::StaticFiles> web;  ///< of the loop
  std::shared_ptr<tenancy::Authenticator> tokens;
  const http::Router* router = nullptr;
  std::string version;
  bool open_documents = true;  ///< MODE=DEV: anyone reads /docs; else operators only
};

/// /, /app/..., /docs, /redoc, /openapi.json; /customer/... and /operator/... go to /api/v1.
void mount_pages(http::Router& api, PageDeps deps);

}  // namespace pulse::gateway
