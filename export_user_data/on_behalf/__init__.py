"""What privacy staff do in a person's place, who has asked for it by letter, by telephone, by mail or in person."""
