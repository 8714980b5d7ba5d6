// The C++ wrapper: when it releases results and roles, and which exceptions it throws.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "nst_rt/share.hpp"
#include "share_test_server.h"

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);      \
            std::exit(1);                                                             \
        }                                                                             \
    } while (0)

namespace {

constexpr std::uint32_t width = 64, height = 48;
constexpr std::size_t row = width * 3;

template <typename Error, typename Action> std::string thrown(Action action)
{
    try {
        action();
    } catch (const Error &error) {
        return error.what();
    }
    std::fprintf(stderr, "no exception of this class\n");
    std::exit(1);
}

void stylizes(const std::string &name)
{
    nst_rt::Share share(name);
    CHECK(share.description() == "test server" && share.room() == width * height * 4);
    std::vector<std::uint8_t> frame(row * height, 10), stylized(row * height);
    share.stylize(frame.data(), row, stylized.data(), row, width, height);
    CHECK(stylized == std::vector<std::uint8_t>(row * height, 245));

    {
        auto dropped = share.begin(width, height);
        dropped.pixels()[0] = 1;
    }
    auto slot = share.begin(width, height);
    CHECK(slot.bytes() == row * height);
    std::fill_n(slot.pixels(), slot.bytes(), std::uint8_t{20});
    CHECK(slot.commit(5, 6) == 1); // the dropped frame has no number
    {
        auto result = share.receive();
        auto moved = std::move(result);
        CHECK(moved.stylized() && moved->number == 1 && moved->time_ns == 5 && moved->tag == 6);
        CHECK(moved->pixels[moved->bytes - 1] == 235);
    } // released: there is only one slot
    share.send(frame.data(), row, width, height);
    auto result = share.receive();
    result.release();

    std::string message = thrown<nst_rt::ShareError>([&] { share.begin(4096, 4096); });
    CHECK(message.find("for larger frames") != std::string::npos);
    thrown<nst_rt::ShareError>([&] { slot.commit(); });
    thrown<nst_rt::ShareTimeout>([&] { share.receive(nst_rt::Share::Timeout{10}); });
    thrown<nst_rt::ShareTimeout>([&] { share.receive(nst_rt::Share::Timeout{-1}); });
    share.send(frame.data(), row, width, height);
    share.receive(nst_rt::Share::Timeout{0x1'0000'0000}); // does not fit into an int
}

void takes_each_role_once(const std::string &name)
{
    nst_rt::Share share(name, NST_RT_SHARE_PRODUCER);
    try {
        nst_rt::Share second(name);
        CHECK(false);
    } catch (const nst_rt::ShareError &error) {
        CHECK(error.code() == NST_RT_SHARE_ROLE_TAKEN);
    }
    nst_rt::Share consumer(name, NST_RT_SHARE_CONSUMER); // the failed connection gave its role back
}

} // namespace

int main()
{
    const std::string name = "ctest-wrapper-" + std::to_string(getpid());
    thrown<nst_rt::ShareTimeout>([&] { nst_rt::Share share(name, NST_RT_SHARE_BOTH, nst_rt::Share::Timeout{10}); });
    pid_t server = start_server(name.c_str(), width, height, 1, 0);
    stylizes(name);
    takes_each_role_once(name);
    nst_rt::Share share(name);
    kill_server(server);
    thrown<nst_rt::ShareServerGone>([&] { share.receive(); });
    server = start_server(name.c_str(), width, height, 1, 0);
    share.reconnect();
    CHECK(share.lost() == 0 && share.first() == 0);
    end_server(server);
    std::puts("ok");
    return 0;
}
