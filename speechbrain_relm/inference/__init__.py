"""What an application imports: trained systems from their folders."""
