# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that the tests of snapfs share: one noun a file, and only Python's own library."""
