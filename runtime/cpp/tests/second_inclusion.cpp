#include <nst_rt/nst_rt.hpp>

std::string version_elsewhere() { return NST_RT_VERSION; }
