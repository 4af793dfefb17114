"""What every server of this project needs: whom it answers, and how often."""
