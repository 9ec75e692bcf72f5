# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of snapfs share: one noun a file, nothing but Python's own library."""
