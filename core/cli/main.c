/*
 * sme-backup: the process around the commands.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 */
#include "cli.h"

#include "../base/cancel.h"
#include "../base/log.h"
#include "../base/secret.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Descriptors 0 to 2 must exist, or the next file that is opened becomes standard output. */
static bool has_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR | O_NOCTTY);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    return fd < 0 || close(fd) == 0;
}

int main(int argc, char **argv)
{
    if (!has_standard_descriptors()) {
        return EXIT_FAILED;
    }
    (void)umask(077);
    secret_harden_process();
    cancel_install();
    enum exit_code code = cli_main(argc, argv);
    (void)log_open(NULL, NULL);
    return (int)code;
}
