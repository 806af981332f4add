#include "tenancy/authenticator.hpp"

#include "platform/clock.hpp"
#include "platform/errors.hpp"

namespace pulse::tenancy {

Task<Caller> Authenticator::identify(std::string token, std::string client_address) {
  if (looks_like_api_token(token))
    co_return co_await d_.api_tokens->verify(*d_.pool, std::move(token), std::move(client_address));
  auto caller = co_await d_.tokens->verify(std::move(token));
  if (d_.revocations->covers(caller)) throw unauthorized("Session ended");
  co_return caller;
}

Task<> Authenticator::recheck(const Caller& caller, std::string client_address) {
  if (!caller.api_token_hash.empty()) {
    co_await d_.api_tokens->recheck(*d_.pool, caller, std::move(client_address));
    co_return;
  }
  if (caller.expires_at_s <= now_ms() / 1000) throw unauthorized("Token expired");
  if (d_.revocations->covers(caller)) throw unauthorized("Session ended");
}

void Authenticator::require_good_address(const std::string& client_address) const {
  const int wait = d_.failures->blocked_for(client_address);
  if (wait > 0) throw too_many("Too many auth attempts", wait);
}

Task<Caller> Authenticator::verify(std::string token, std::string client_address) {
  require_good_address(client_address);
  try {
    co_return co_await identify(std::move(token), client_address);
  } catch (const HttpError& e) {
    const std::string_view detail = e.what();
    if (e.status == 401 && detail != "Token expired" && detail != "Session ended")
      d_.failures->failed(client_address);
    throw;
  }
}

}  // namespace pulse::tenancy
