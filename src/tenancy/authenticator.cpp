#include "tenancy/authenticator.hpp"

#include "platform/errors.hpp"

namespace pulse::tenancy {

Task<Caller> Authenticator::verify(std::string token, std::string client_address) {
  const int wait = failures_->blocked_for(client_address);
  if (wait > 0) throw too_many("Too many auth attempts", wait);
  try {
    co_return co_await tokens_->verify(std::move(token));
  } catch (const HttpError& e) {
    if (e.status == 401 && std::string_view(e.what()) != "Token expired")
      failures_->failed(client_address);
    throw;
  }
}

}  // namespace pulse::tenancy
